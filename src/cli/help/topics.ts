import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import { formatEntries, formatSection, formatText, type Layout } from "./layout.ts";
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
    ...formatText(
      "If a command has the same name: signalman help topics <topic>. The sections about a word: signalman help topics <word>",
      layout,
    ),
  ];
}

/**
 * Renders a page of the documentation; for another word, lists the sections about it. Throws `USAGE_INVALID` when no
 * page has the word.
 */
export function renderTopic(pages: Pages, name: string, layout: Layout): string[] {
  const text = pages.get(name);
  if (text !== undefined) return renderMarkdown(text, layout);
  const found = findSections(pages, name);
  if (found.length === 0) {
    throw new AgentError("USAGE_INVALID", `unknown topic "${name}"${toHint(name, pages.keys())}`);
  }
  return [
    ...formatText(`Sections about "${name}", the best first. signalman help <topic> shows the page.`, layout),
    "",
    ...formatEntries(
      found.map(({ page, heading }) => ({ left: page, right: [heading] })),
      layout,
      22,
    ),
  ];
}

interface Section {
  readonly page: string;
  readonly heading: string;
}

/** Finds the sections that contain a word: those whose heading has it first, then those that have it most often. */
function findSections(pages: Pages, word: string): Section[] {
  const wanted = word.toLowerCase();
  const rate = (heading: string, text: string): number => {
    const inHeading = heading.toLowerCase().includes(wanted) ? wanted.length / heading.length : 0;
    return headingWeight * inHeading + text.toLowerCase().split(wanted).length - 1;
  };
  const operators = readPageMap(pages.get("README") ?? "").flatMap((group) => group.pages);
  const sections = operators
    .map(({ file }) => toPageName(file))
    .filter((page) => !lastPages.has(page))
    .flatMap((page) =>
      (pages.get(page) ?? "")
        .replaceAll(/^ *```[^]*?^ *```$/gm, "")
        .split(/^#{1,3} /m)
        .slice(1)
        .map((text) => ({ page, heading: /.*/.exec(text)![0].replaceAll("`", ""), text })),
    );
  return sections
    .map((section) => ({ ...section, rating: rate(section.heading, section.text) }))
    .filter(({ rating }) => rating > 0)
    .toSorted((a, b) => b.rating - a.rating)
    .slice(0, mostSections);
}

/** Pages that mention every subject. */
const lastPages: ReadonlySet<string> = new Set([
  "protocol",
  "design-notes",
  "configuration",
  "plugins-reference",
]);
const headingWeight = 1000;
const mostSections = 12;
