import { defineCommand } from "../../core/contracts/command.ts";
import { print } from "../output/print.ts";

export default defineCommand({
  meta: { name: "version", description: "print the version" },
  configuration: "none",
  log: "stderr",
  run: ({ program }) => print(program.version),
});
