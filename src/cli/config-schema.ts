import { toConfigSchema } from "../config/file-schema.ts";
import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: {
    name: "config schema",
    description: "print the JSON Schema of the configuration file, for editors",
  },
  run: ({ program }) =>
    void process.stdout.write(`${JSON.stringify(toConfigSchema(program.declared), null, 2)}\n`),
});
