import { defineCommand } from "../../core/contracts/command.ts";

/** Reading the configuration for a command is the check. */
export default defineCommand({
  meta: { name: "config check", description: "check the configuration, and say all that is wrong with it" },
  log: "stderr",
  run: () => void process.stdout.write("ok\n"),
});
