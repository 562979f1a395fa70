import { stdout } from "../../os/this-process/output.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { createLayout } from "../help/layout.ts";
import { renderHelp } from "../help/render.ts";
import { showPage } from "../help/show.ts";

export default defineCommand({
  meta: {
    name: "help",
    description:
      "show the usage of a command, the options, the hooks, the errors, or a page of the documentation",
  },
  examples: [
    { line: "signalman help run", purpose: "show the usage of a command" },
    { line: "signalman help options memory", purpose: "show the options about memory" },
    { line: "signalman help topics", purpose: "list the pages of the documentation" },
    { line: "signalman help topics drain", purpose: "list the sections about a word" },
    { line: "signalman help hooks job:start", purpose: "show a hook" },
    { line: "signalman help errors SESSION_FAILED", purpose: "show the cause of an error, and what to do" },
  ],
  configuration: "lenient",
  configurationPlace: "nowhere",
  log: "stderr",
  args: {
    page: {
      type: "positional",
      description: "a command, a topic, or one of options, topics, hooks, errors",
      completes: "page",
      required: false,
    },
    word: {
      type: "positional",
      description: "second word of the command, or the part of the page to show",
      completes: "page",
      required: false,
    },
  },
  async run({ args, program }) {
    const words = [args.page, args.word].filter((word) => word !== undefined);
    await showPage(await renderHelp(program, words, createLayout(stdout())));
  },
});
