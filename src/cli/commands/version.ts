import { defineCommand } from "../../core/contracts/command.ts";

export default defineCommand({
  meta: { name: "version", description: "print the version" },
  configuration: "none",
  log: "stderr",
  run: ({ program }) => console.log(program.version),
});
