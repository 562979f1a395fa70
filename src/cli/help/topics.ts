import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import { formatEntries, formatText, type Layout } from "./layout.ts";
import { renderMarkdown } from "./markdown.ts";

type Pages = ReadonlyMap<string, string>;

/** Lists the pages of the documentation with their titles. */
export function renderTopics(pages: Pages, layout: Layout): string[] {
  const names = [...pages.keys()];
  const entries = names
    .filter((name) => !name.includes("/"))
    .map((name) => {
      const parts = names.filter((part) => part.startsWith(`${name}/`));
      const further = parts.length === 0 ? [] : [`further pages: ${parts.join(", ")}`];
      return { left: name, right: [toTitle(pages.get(name)!), ...further] };
    });
  return [
    ...formatText("Pages of the documentation. signalman help <topic> shows one of them.", layout),
    "",
    ...formatEntries(entries, layout, 22),
    "",
    ...formatText("If a command has the same name: signalman help topics <topic>", layout),
  ];
}

/** Renders a page of the documentation. Throws `USAGE_INVALID`. */
export function renderTopic(pages: Pages, name: string, layout: Layout): string[] {
  const text = pages.get(name);
  if (text === undefined) {
    throw new AgentError("USAGE_INVALID", `unknown topic "${name}"${toHint(name, pages.keys())}`);
  }
  return renderMarkdown(text, layout);
}

function toTitle(text: string): string {
  return /^# (.*)$/m.exec(text)?.[1] ?? "";
}
