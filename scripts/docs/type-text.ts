/** Maps the name of each interface in a source to the text after the name (`extends X { … }` or `{ … }`). */
export function collectTypes(source: string): ReadonlyMap<string, string> {
  const heads = [...source.matchAll(/^(?:export )?interface (\w+)( extends \w+)? \{/gm)];
  return new Map(
    heads.map((head) => {
      const end = source.indexOf("\n}", head.index) + 2;
      return [head[1]!, source.slice(source.indexOf(head[1]!, head.index) + head[1]!.length, end)];
    }),
  );
}

/** Returns the text of a comment on one line. */
export function toSentence(comment: string): string {
  return comment
    .replaceAll(/\n\s*\* ?/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** Lists the fields of a type, including those of the interfaces that it names. */
export function readFields(type: string, types: ReadonlyMap<string, string>): string[] {
  const outer = type.replace(/\{.*\}/s, " ");
  const named = outer.match(/\w+/g)?.flatMap((word) => readFields(types.get(word) ?? "", types)) ?? [];
  const own = type.includes("{") ? readMembers(type) : [];
  return [...new Set([...named, ...own])];
}

/** Lists the names of the members at the outer level of a type. */
function readMembers(type: string): string[] {
  const body = type.slice(type.indexOf("{") + 1, type.lastIndexOf("}"));
  return splitStatements(body).flatMap((statement) => {
    const declaration = statement.replace(/^\s*\/\*\*.*?\*\//s, "").trim();
    return /^(?:readonly )?(\w+)/.exec(declaration)?.slice(1) ?? [];
  });
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
