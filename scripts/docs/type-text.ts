/** The source text of an interface member. */
export interface Member {
  readonly name: string;
  /** Its docblock on one line. */
  readonly doc: string;
  readonly type: string;
}

/** Maps the name of each interface in a source to the text after the name (`extends X { … }` or `{ … }`). */
export function collectTypes(source: string): ReadonlyMap<string, string> {
  const heads = [...source.matchAll(/^export interface (\w+)( extends \w+)? \{/gm)];
  return new Map(
    heads.map((head) => {
      const end = source.indexOf("\n}", head.index) + 2;
      return [head[1]!, source.slice(head.index + `export interface ${head[1]}`.length, end)];
    }),
  );
}

/** Lists the members at the outer level of a type. */
export function readMembers(type: string): Member[] {
  const body = type.slice(type.indexOf("{") + 1, type.lastIndexOf("}"));
  return splitStatements(body).flatMap((statement) => {
    const [, comment = "", declaration = ""] = /^\s*(?:\/\*\*(.*?)\*\/)?\s*(.*)$/s.exec(statement) ?? [];
    const [, quoted, plain, rest = ""] =
      /^(?:readonly )?(?:"([^"]+)"|(\w+))\??(.*)$/s.exec(declaration) ?? [];
    const name = quoted ?? plain;
    if (name === undefined) return [];
    const doc = comment
      .replaceAll(/\n\s*\* ?/g, " ")
      .replaceAll(/\s+/g, " ")
      .trim();
    return [{ name, doc, type: rest.replace(/^:/, "").trim() }];
  });
}

/** Lists the fields of a type, including those of the interfaces that it names. */
export function readFields(type: string, types: ReadonlyMap<string, string>): string[] {
  const outer = type.replace(/\{.*\}/s, " ");
  const named = outer.match(/\w+/g)?.flatMap((word) => readFields(types.get(word) ?? "", types)) ?? [];
  const own = type.includes("{") ? readMembers(type).map(({ name }) => name) : [];
  return [...new Set([...named, ...own])];
}

/** Splits at semicolons outside of brackets and comments. */
function splitStatements(body: string): string[] {
  const statements: string[] = [];
  let depth = 0;
  let statement = "";
  for (const [token] of body.matchAll(/\/\*\*.*?\*\/|[\s\S]/gs)) {
    if ("{(<[".includes(token)) depth += 1;
    if ("})]".includes(token) || (token === ">" && !statement.endsWith("="))) depth -= 1;
    if (token === ";" && depth === 0) {
      statements.push(statement);
      statement = "";
    } else {
      statement += token;
    }
  }
  return [...statements, statement];
}
