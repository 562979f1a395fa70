// Checks the site in dist/site: every link leads to a file and a heading, and the site's own search answers each of
// questions.json with its page, as the first result or among the first `within` ones.

import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import MiniSearch from "minisearch";
import questions from "./questions.json" with { type: "json" };
import { miniSearch } from "./search-options.ts";

const site = path.resolve(import.meta.dirname, "../../dist/site");
const faults = [...findBrokenLinks(), ...(await findWrongAnswers())];
for (const fault of faults) console.log(fault);
console.log(`${questions.length} questions asked, ${faults.length} faults found`);
if (faults.length > 0) process.exitCode = 1;

function findBrokenLinks(): string[] {
  const files = new Set(globSync("**/*", { cwd: site }));
  const texts = new Map(
    [...files]
      .filter((file) => file.endsWith(".html"))
      .map((file) => [file, readFileSync(path.join(site, file), "utf8")]),
  );
  return [...texts].flatMap(([page, text]) =>
    Array.from(text.matchAll(/ (?:href|src)="([^"]*)"/g), ([, link = ""]) => link)
      .filter((link) => !/^([a-z]+:|\/\/|#?$)/.test(link) && page !== "404.html")
      .filter((link) => {
        const { pathname, hash } = new URL(link, `https://site/${page}`);
        const target = decodeURI(pathname.slice(1)).replace(/(^|\/)$/, "$1index.html");
        return (
          !files.has(target) ||
          (hash !== "" && !texts.get(target)?.includes(` id="${decodeURIComponent(hash.slice(1))}"`))
        );
      })
      .map((link) => `${page}: link to "${link}" leads nowhere`),
  );
}

async function findWrongAnswers(): Promise<string[]> {
  const [chunk] = globSync("assets/chunks/@localSearchIndexroot.*.js", { cwd: site });
  if (chunk === undefined) return ["the site has no search index"];
  const { default: json } = await import(path.join(site, chunk));
  const index = MiniSearch.loadJSON(json, {
    fields: ["title", "titles", "text"],
    storeFields: ["title", "titles"],
    ...miniSearch.options,
    searchOptions: miniSearch.searchOptions,
  });
  return questions.flatMap(({ question, page, within = 1 }) => {
    const found = index.search(question).map(({ id }) => toPage(String(id)));
    const first = [...new Set(found)].slice(0, within);
    return first.includes(page)
      ? []
      : [`"${question}" leads to ${[...new Set(found)].slice(0, 5).join(", ")}, not to ${page}`];
  });
}

/** `/install.html#files` is the page `install`. */
function toPage(id: string): string {
  return id
    .replace(/#.*/, "")
    .replace(/^\//, "")
    .replace(/\.html$/, "");
}
