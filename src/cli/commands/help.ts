import { defineCommand } from "../../core/contracts/command.ts";
import { renderHelp } from "../output/help-page.ts";

export default defineCommand({
  meta: { name: "help", description: "show the usage of a command" },
  configuration: "lenient",
  log: "stderr",
  args: {
    command: { type: "positional", description: "name of the command", required: false },
    subcommand: { type: "positional", description: "second word of the name", required: false },
  },
  async run({ args, program }) {
    const words = [args.command, args.subcommand].filter((word) => word !== undefined);
    process.stdout.write(await renderHelp(program, words.join(" ")));
  },
});
