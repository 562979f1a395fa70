import { toConfigSchema } from "../configuration/file-schema.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { printJson } from "../output/print.ts";

export default defineCommand({
  meta: {
    name: "config schema",
    description: "print the JSON Schema of the configuration file, for editors",
  },
  group: "configure",
  examples: [
    { line: "signalman config schema > signalman.schema.json", purpose: "write the schema for an editor" },
  ],
  configuration: "lenient",
  log: "stderr",
  run: ({ program }) => printJson(toConfigSchema(program.declared), 2),
});
