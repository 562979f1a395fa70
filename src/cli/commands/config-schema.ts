import { toConfigSchema } from "../../core/config/file-schema.ts";
import { defineCommand } from "../../core/contracts/command.ts";

export default defineCommand({
  meta: {
    name: "config schema",
    description: "print the JSON Schema of the configuration file, for editors",
  },
  configuration: "lenient",
  log: "stderr",
  run: ({ program }) =>
    void process.stdout.write(`${JSON.stringify(toConfigSchema(program.declared), null, 2)}\n`),
});
