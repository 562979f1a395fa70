import { defineCommand } from "../../core/contracts/command.ts";
import { renderHelp } from "../output/help-page.ts";
import { print } from "../output/print.ts";

export default defineCommand({
  meta: { name: "help", description: "show the usage of a command" },
  configuration: "lenient",
  configurationPlace: "nowhere",
  log: "stderr",
  args: {
    command: { type: "positional", description: "name of the command", required: false },
    subcommand: { type: "positional", description: "second word of the name", required: false },
  },
  async run({ args, program }) {
    const words = [args.command, args.subcommand].filter((word) => word !== undefined);
    print((await renderHelp(program, words.join(" "))).trimEnd());
  },
});
