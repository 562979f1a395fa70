// The site of the documentation. It has the pages that docs/README.md lists, and those of docs/sdk; their files stay
// where GitHub shows them.

import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { defineConfig, type DefaultTheme } from "vitepress";
import { readPageMap } from "../../../src/cli/help/page-map.ts";
import { miniSearch } from "../search-options.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const groups = readPageMap(readFileSync(path.join(root, "docs/README.md"), "utf8"));
const sdk = list("docs/sdk/*.md");
const pages = new Set([
  "docs/README.md",
  ...sdk,
  ...groups.flatMap((group) => group.pages.map(({ file }) => path.join("docs", file))),
]);

/** Places of files that are not pages and that pages link to. */
const linkedFiles = new Set<string>();

export default defineConfig({
  title: "Signalman",
  description: "A CI job agent for Semaphore",
  srcDir: "../..",
  srcExclude: list("**/*.md").filter((file) => !pages.has(file)),
  outDir: "../../dist/site",
  cacheDir: "node_modules/.cache",
  rewrites: Object.fromEntries([...pages].map((file) => [file, toPlace(file)])),
  lastUpdated: false,
  markdown: {
    anchor: { slugify: toAnchor },
    config(md) {
      // Pages are Markdown without HTML: `<org>` is text.
      md.set({ html: false });
      md.core.ruler.before("block", "comments", (state) => {
        state.src = state.src.replaceAll(/^<!--[^]*?-->\n/gm, "");
      });
      md.core.ruler.push("tokens", ({ tokens, env }) => {
        for (const token of tokens) {
          if (token.type === "fence" && token.info === "output") token.info = "txt";
          adaptLinks(token.children ?? [], env.realPath ?? env.path);
        }
      });
    },
  },
  themeConfig: {
    sidebar: groups.map(({ title, pages }) => ({
      text: title,
      collapsed: false,
      items: pages.map(({ title: text, file }): DefaultTheme.SidebarItem => {
        const item = { text, link: toLink(path.join("docs", file)) };
        return file === "sdk/README.md" ? { ...item, collapsed: true, items: sdk.flatMap(toSdkItem) } : item;
      }),
    })),
    outline: [2, 3],
    search: { provider: "local", options: { miniSearch, detailedView: true } },
    docFooter: { prev: false, next: false },
  },
  // Pages are outside of the directory in which the packages are installed.
  vite: {
    plugins: [
      {
        name: "packages-of-pages",
        enforce: "pre",
        resolveId(id, page) {
          const isForeign = page === undefined || !page.endsWith(".md") || !/^vue(\/|$)/.test(id);
          return isForeign ? undefined : this.resolve(id, import.meta.filename, { skipSelf: true });
        },
      },
    ],
  },
  /** Makes links relative, so that pages can also be read from a disk (`file://`), without the search. */
  transformHtml(html, file, { siteConfig }) {
    const page = path.relative(siteConfig.outDir, file);
    // A server shows this page at any address.
    if (page === "404.html") return html;
    const top = "../".repeat(page.split("/").length - 1) || "./";
    return html.replaceAll(
      / (href|src)="\/([^"#]*)/g,
      (_, name, target) => ` ${name}="${top}${target.replace(/(^|\/)$/, "$1index.html")}`,
    );
  },
  /** Publishes the files that pages link to. */
  buildEnd({ outDir }) {
    for (const file of linkedFiles) {
      const target = path.join(outDir, "files", file);
      mkdirSync(path.dirname(target), { recursive: true });
      copyFileSync(path.join(root, file), target);
    }
  },
});

function list(pattern: string): string[] {
  const isForeign = (name: string) => /(^|\/)(node_modules|dist|\.[a-z]+)(\/|$)/.test(name);
  return globSync(pattern, { cwd: root, exclude: isForeign }).toSorted();
}

/** `docs/x.md` is `x.md` on the site, `plugins/x/README.md` is `plugins/x.md`. */
function toPlace(file: string): string {
  return file
    .replace(/^docs\/(examples\/plugins\/)?/, (_, examples) => (examples === undefined ? "" : "examples/"))
    .replace(/^README\.md$/, "index.md")
    .replace(/^sdk\/README\.md$/, "sdk/index.md")
    .replace(/\/README\.md$/, ".md");
}

function toLink(file: string): string {
  return `/${toPlace(file).replace(/(^|\/)index\.md$/, "$1")}`;
}

function toSdkItem(file: string): DefaultTheme.SidebarItem[] {
  if (file.endsWith("/README.md")) return [];
  const [, text = ""] = /^# (.*)$/m.exec(readFileSync(path.join(root, file), "utf8")) ?? [];
  return [{ text, link: toLink(file) }];
}

/** Forms the anchor of a heading as GitHub does. */
function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
}

interface Token {
  readonly type: string;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

/** Replaces paths of the repository by places of the site. A link to a folder, which the site lacks, becomes text. */
function adaptLinks(tokens: Token[], page: string): void {
  for (const [index, token] of tokens.entries()) {
    if (token.type !== "link_open") continue;
    const [target = "", anchor] = (token.attrGet("href") ?? "").split("#");
    if (target === "" || /^[a-z]+:/.test(target)) continue;
    const file = path.relative(root, path.resolve(path.dirname(page), decodeURI(target)));
    const hash = anchor === undefined ? "" : `#${anchor}`;
    if (pages.has(file)) token.attrSet("href", `${toLink(file)}${hash}`);
    else if (!existsSync(path.join(root, file))) continue;
    else if (statSync(path.join(root, file)).isDirectory()) {
      const close = tokens.findIndex(({ type }, at) => at > index && type === "link_close");
      for (const at of [close, index]) tokens.splice(at, 1);
    } else {
      linkedFiles.add(file);
      token.attrSet("href", `/files/${file}`);
      token.attrSet("target", "_blank");
    }
  }
}
