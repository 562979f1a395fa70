import { sdkEntries } from "../../build/types.ts";
import { type Entry, readEntry, type SdkExport, type Section } from "./entries.ts";
import { listReferences } from "./references.ts";
import { hasShape, isService } from "./signature.ts";
import { createSources, type Declaration, type Sources } from "./source.ts";
import { type FindUsages, indexUsages } from "./usage.ts";

/** Everything that the pages of the SDK show. */
export interface Reference {
  readonly entries: readonly Entry[];
  readonly pages: readonly ReferencePage[];
  readonly findUsages: FindUsages;
  /** Finds the page and the heading of a declaration. */
  locate(declaration: Declaration): { readonly page: string; readonly heading: string } | undefined;
  /** Resolves the names of types in the signature of a declaration. */
  listTypes(declaration: Declaration): readonly Declaration[];
}

export interface ReferencePage {
  /** Name of the page's file in `docs/sdk`. */
  readonly name: string;
  readonly section: Section;
  readonly items: readonly PageItem[];
  /** Types that signatures of the page name although no entry exports them. */
  readonly hidden: readonly PageItem[];
}

/** What a page describes under a heading of its own. */
export interface PageItem {
  readonly heading: string;
  readonly name: string;
  readonly doc: string;
  readonly declaration?: Declaration;
  /** The export of a whole package. */
  readonly statement?: string;
}

/** Reads the entries of the SDK below `root`. */
export function readReference(root: string): Reference {
  const sources = createSources(root);
  const entries = Object.entries(sdkEntries).map(([module, file]) => readEntry(sources, module, file));
  const listTypes = (declaration: Declaration): Declaration[] => resolveTypes(sources, declaration);
  const sections = entries.flatMap(({ sections }) => sections);
  const listHidden = createHiddenTypes(sections, listTypes);
  const pages = sections.map((section): ReferencePage => {
    const name = `${section.title.toLowerCase().replaceAll(" ", "-")}.md`;
    const items = section.exports.map(toItem);
    return { name, section, items, hidden: section.exports.flatMap(listHidden) };
  });
  const places = new Map(
    pages.flatMap(({ name: page, items, hidden }) =>
      [...items, ...hidden].flatMap(({ declaration, heading }) =>
        declaration === undefined ? [] : [[toKey(declaration), { page, heading }] as const],
      ),
    ),
  );
  return {
    entries,
    pages,
    findUsages: indexUsages(root),
    locate: (declaration) => places.get(toKey(declaration)),
    listTypes,
  };
}

/** Lists the types behind an export that no entry exports, each for the first export that needs it. */
function createHiddenTypes(
  sections: readonly Section[],
  listTypes: (declaration: Declaration) => readonly Declaration[],
): (item: SdkExport) => PageItem[] {
  const exports = sections.flatMap((section) => section.exports);
  const shown = new Set(
    exports.flatMap(({ declaration }) => (declaration === undefined ? [] : toKey(declaration))),
  );
  return ({ declaration }) => {
    const hidden: PageItem[] = [];
    const visit = (from: Declaration): void => {
      for (const type of listTypes(from)) {
        if (shown.has(toKey(type)) || !hasShape(type)) continue;
        shown.add(toKey(type));
        const { name, doc } = type;
        hidden.push({ heading: `\`${name}\``, name, doc, declaration: type });
        visit(type);
      }
    };
    if (declaration !== undefined) visit(declaration);
    return hidden;
  };
}

/** The tokens of services have the names of their contracts, but for the case, which anchors do not distinguish. */
function toItem({ name, doc, declaration, statement }: SdkExport): PageItem {
  if (declaration === undefined) return { heading: `\`${name}\``, name, doc, statement };
  const isToken = isService(declaration);
  return { heading: `\`${name}\`${isToken ? " (service)" : ""}`, name, doc, declaration };
}

function resolveTypes(sources: Sources, declaration: Declaration): Declaration[] {
  return listReferences(declaration).flatMap((name) => {
    const found = sources.find(declaration.source.file, name);
    return found === undefined || toKey(found) === toKey(declaration) ? [] : [found];
  });
}

function toKey({ source, name }: Declaration): string {
  return `${source.file} ${name}`;
}
