import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import { formatSection, formatText, type Layout } from "./layout.ts";
import { renderMarkdown } from "./markdown.ts";
import { readPageMap } from "./page-map.ts";
import { toPageName } from "./pages.ts";

type Pages = ReadonlyMap<string, string>;

/** Lists the pages that the program has, in the order and groups of `docs/README.md`. */
export function renderTopics(pages: Pages, layout: Layout): string[] {
  const groups = readPageMap(pages.get("README") ?? "").flatMap(({ title, pages: mapped }) => {
    const entries = mapped.flatMap(({ file, about }) => {
      const name = toPageName(file);
      if (!pages.has(name)) return [];
      const parts = [...pages.keys()].filter((part) => part.startsWith(`${name}/`));
      const further = parts.length === 0 ? [] : [`further pages: ${parts.join(", ")}`];
      return [{ left: name, right: [about, ...further] }];
    });
    return formatSection(`${title}:`, entries, layout, 22);
  });
  return [
    ...formatText("Pages of the documentation. signalman help <topic> shows one of them.", layout),
    ...groups,
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
