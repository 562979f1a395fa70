import type { Program } from "../../core/contracts/command.ts";
import { AgentError, isAgentError } from "../../core/errors.ts";
import { attributeError } from "../../core/host/attribution.ts";
import { toHint } from "../../core/text/nearest.ts";
import { renderCommand, renderFamily } from "./command-page.ts";
import type { Layout } from "./layout.ts";
import { renderOverview } from "./overview.ts";
import { loadPages } from "./pages.ts";
import { type HelpWord, helpWords, isHelpWord } from "./words.ts";

/**
 * Renders the page that words name: a command, one of {@link helpWords}, or a page of the documentation, in this
 * order; without words, the page of the program. Throws `USAGE_INVALID`.
 */
export async function renderHelp(
  program: Program,
  words: readonly string[],
  layout: Layout,
): Promise<string[]> {
  const [first, second] = words;
  if (first === undefined) return renderOverview(program, layout);
  const page = await findCommandPage(program, words.join(" "), layout);
  if (page !== undefined) return page;
  if (isHelpWord(first)) return renderPage(program, first, second, layout);
  const pages = await loadPages();
  const { renderTopic } = await import("./topics.ts");
  if (second === undefined && pages.has(first)) return renderTopic(pages, first, layout);
  const name = words.join(" ");
  const known = [...program.commands.keys(), ...helpWords, ...pages.keys()];
  throw new AgentError("USAGE_INVALID", `unknown command or topic "${name}"${toHint(name, new Set(known))}`);
}

/** Renders the page of a command, or of the first word of several; `undefined` for another name. */
async function findCommandPage(
  program: Program,
  name: string,
  layout: Layout,
): Promise<string[] | undefined> {
  const entry = program.commands.get(name);
  if (entry !== undefined) {
    try {
      return await renderCommand(program, name, layout);
    } catch (error) {
      if (entry.plugin === undefined || isAgentError(error)) throw error;
      throw attributeError(error, { plugin: entry.plugin, where: `the declaration of command "${name}"` });
    }
  }
  const family = await renderFamily(program, name, layout);
  return family.length === 0 ? undefined : [`Usage: signalman ${name} <command> [options]`, ...family];
}

async function renderPage(
  { declared, plugins }: Program,
  word: HelpWord,
  name: string | undefined,
  layout: Layout,
): Promise<string[]> {
  switch (word) {
    case "options":
      return (await import("./options-page.ts")).renderOptions(declared, name, layout);
    case "errors":
      return (await import("./errors-page.ts")).renderErrors(plugins, name, layout);
    case "hooks": {
      const reference = (await loadPages()).get("plugins-reference") ?? "";
      return (await import("./hooks-page.ts")).renderHooks(reference, name, layout);
    }
    case "topics": {
      const { renderTopic, renderTopics } = await import("./topics.ts");
      const pages = await loadPages();
      return name === undefined ? renderTopics(pages, layout) : renderTopic(pages, name, layout);
    }
  }
}
