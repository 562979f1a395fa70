import { readFileSync } from "node:fs";
import path from "node:path";
import { type Comment, type Node, parseSync, type Program } from "oxc-parser";

/** A parsed source file. */
export interface Source {
  /** Path relative to the root of the project. */
  readonly file: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly Comment[];
}

/** A declaration at the top level of a source file. */
export interface Declaration {
  readonly name: string;
  readonly source: Source;
  /** A function has several nodes when it is overloaded; other declarations have one. */
  readonly nodes: readonly Node[];
  /** The text of the docblock without its delimiters; empty without one. */
  readonly doc: string;
}

/** Reads declarations of a project. Each file is parsed once. */
export interface Sources {
  read(file: string): Source;
  /** Finds what a file declares, imports or exports under a name; `undefined` for what comes from a package. */
  find(file: string, name: string): Declaration | undefined;
}

/** `root`: the directory of the project. */
export function createSources(root: string): Sources {
  const sources = new Map<string, Source>();

  const read = (file: string): Source => {
    const known = sources.get(file);
    if (known !== undefined) return known;
    const text = readFileSync(path.join(root, file), "utf8");
    const { program, comments, errors } = parseSync(file, text);
    if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
    const source = { file, text, program, comments };
    sources.set(file, source);
    return source;
  };

  const find = (file: string, name: string): Declaration | undefined => {
    const source = read(file);
    const own = findDeclared(source, name);
    if (own !== undefined) return own;
    const origin = findOrigin(source.program, name);
    if (origin === undefined || !origin.specifier.startsWith(".")) return undefined;
    return find(path.posix.join(path.posix.dirname(file), origin.specifier), origin.name);
  };

  return { read, find };
}

/** Returns the docblock that ends where a node begins, without its delimiters; empty without one. */
export function readDoc({ comments, text }: Source, start: number): string {
  const before = comments.findLast(({ end }) => end <= start);
  const isDoc = before?.type === "Block" && before.value.startsWith("*");
  return isDoc && text.slice(before.end, start).trim() === "" ? before.value.slice(1) : "";
}

function findDeclared(source: Source, name: string): Declaration | undefined {
  const found = source.program.body.flatMap((statement) => {
    const node = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    return node !== null && namesOf(node).includes(name) ? [{ node, start: statement.start }] : [];
  });
  const [first] = found;
  if (first === undefined) return undefined;
  return { name, source, nodes: found.map(({ node }) => node), doc: readDoc(source, first.start) };
}

function namesOf(node: Node): string[] {
  switch (node.type) {
    case "VariableDeclaration":
      return node.declarations.flatMap(({ id }) => (id.type === "Identifier" ? [id.name] : []));
    case "FunctionDeclaration":
    case "TSDeclareFunction":
    case "ClassDeclaration":
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return node.id === null ? [] : [node.id.name];
    default:
      return [];
  }
}

/** Finds the import or re-export behind a name. */
function findOrigin(program: Program, name: string): { specifier: string; name: string } | undefined {
  for (const statement of program.body) {
    if (statement.type === "ImportDeclaration") {
      for (const imported of statement.specifiers) {
        if (imported.local.name !== name || imported.type !== "ImportSpecifier") continue;
        return { specifier: statement.source.value, name: nameOf(imported.imported) };
      }
    } else if (statement.type === "ExportNamedDeclaration" && statement.source !== null) {
      for (const exported of statement.specifiers) {
        if (nameOf(exported.exported) !== name) continue;
        return { specifier: statement.source.value, name: nameOf(exported.local) };
      }
    }
  }
  return undefined;
}

/** Returns the name of an imported or exported thing. */
export function nameOf(node: { type: string } & ({ name: string } | { value: string })): string {
  return "name" in node ? node.name : node.value;
}
