/** A group of pages, as the reader's purpose names it. */
export interface PageGroup {
  readonly title: string;
  readonly pages: readonly MappedPage[];
}

export interface MappedPage {
  readonly title: string;
  /** Path of the file, relative to the map's directory: `install.md`, `../plugins/hub/README.md`. */
  readonly file: string;
  /** The question that the page answers, in one line; empty if the map has none. */
  readonly about: string;
}

/** Reads `docs/README.md`: a heading for each group, and a line `- [title](file): about` for each page. */
export function readPageMap(text: string): PageGroup[] {
  const [, ...groups] = text.split(/^## /m);
  return groups.map((group) => {
    const [title = "", ...lines] = group.split("\n");
    const items = lines
      .join("\n")
      .matchAll(/^- \[([^\]]+)\]\(([^)\s]+)\)(?::\s+([^]*?))?(?=\n- |\n\n|\n*$(?![^]))/gm);
    const pages = Array.from(items, ([, name = "", file = "", about = ""]) => ({
      title: name,
      file,
      about: about.replaceAll(/\s+/g, " ").trim(),
    }));
    return { title, pages };
  });
}
