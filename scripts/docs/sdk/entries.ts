import type { Comment, Statement } from "oxc-parser";
import { type Declaration, nameOf, readDoc, type Source, type Sources } from "./source.ts";

/** An entry of the SDK. */
export interface Entry {
  /** What plugins import: `signalman/http`. */
  readonly module: string;
  /** What the entry is for: the docblock of its file. */
  readonly purpose: string;
  readonly sections: readonly Section[];
}

/** The exports below one comment of an entry. */
export interface Section {
  readonly module: string;
  /** The source of the entry, relative to the root of the project. */
  readonly file: string;
  readonly title: string;
  /** The rest of the comment. */
  readonly purpose: string;
  readonly exports: readonly SdkExport[];
}

export interface SdkExport {
  readonly name: string;
  readonly doc: string;
  /** `undefined` for a whole package, which `statement` exports. */
  readonly declaration?: Declaration;
  readonly statement: string;
}

/** Reads an entry: a comment `// Title: purpose` begins a section. */
export function readEntry(sources: Sources, module: string, file: string): Entry {
  const source = sources.read(file);
  const headings = findHeadings(source);
  const sections = headings.map((heading, index): Section => {
    const end = headings[index + 1]?.start ?? source.text.length;
    const statements = source.program.body.filter(({ start }) => start >= heading.start && start < end);
    const exports = statements.flatMap((statement) => readExports(sources, source, statement));
    return { module, file, title: heading.title, purpose: heading.purpose, exports };
  });
  const first = source.program.body[0]?.start ?? 0;
  if (first < (headings[0]?.start ?? Infinity))
    throw new Error(`${file}: an export is above the first section`);
  const purpose = source.comments[0]?.value.split("\n")[1]?.replace(/^ \* /, "") ?? "";
  return { module, purpose, sections };
}

function findHeadings({ file, comments, text }: Source): { start: number; title: string; purpose: string }[] {
  const blocks: Comment[][] = [];
  for (const comment of comments.filter(({ type }) => type === "Line")) {
    const block = blocks.at(-1);
    const isNext = block !== undefined && text.slice(block.at(-1)!.end, comment.start).trim() === "";
    if (isNext) block.push(comment);
    else blocks.push([comment]);
  }
  return blocks.map((block) => {
    const [, title, purpose] = /^([^:]+): (.+)$/.exec(block.map(({ value }) => value.trim()).join(" ")) ?? [];
    if (title === undefined || purpose === undefined) {
      throw new Error(`${file}: the comment "${block[0]!.value.trim()}" is not "<title>: <purpose>"`);
    }
    return { start: block[0]!.start, title, purpose };
  });
}

function readExports(sources: Sources, source: Source, statement: Statement): SdkExport[] {
  const text = source.text.slice(statement.start, statement.end);
  if (statement.type === "ExportAllDeclaration" && statement.exported !== null) {
    return [{ name: nameOf(statement.exported), doc: readDoc(source, statement.start), statement: text }];
  }
  if (statement.type !== "ExportNamedDeclaration" || statement.source === null) {
    throw new Error(`${source.file}: "${text}" is not a list of exports of another file`);
  }
  return statement.specifiers.map((specifier) => {
    const name = nameOf(specifier.exported);
    const declaration = sources.find(source.file, name);
    if (declaration === undefined)
      throw new Error(`${source.file}: the declaration of "${name}" was not found`);
    return { name, doc: declaration.doc, declaration, statement: text };
  });
}
