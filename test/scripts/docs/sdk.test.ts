import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { toProse } from "../../../scripts/docs/sdk/docblock.ts";
import { readEntry } from "../../../scripts/docs/sdk/entries.ts";
import { hasShape, toSignature } from "../../../scripts/docs/sdk/signature.ts";
import { listReferences } from "../../../scripts/docs/sdk/references.ts";
import { createSources } from "../../../scripts/docs/sdk/source.ts";
import { tmpdir } from "../../../src/testing/index.ts";

describe("the signature", () => {
  test.each([
    [
      "a function with a default",
      "function f(a: string, b = 1, ...c: string[]): void {}",
      "function f(a: string, b?: number, ...c: string[]): void;",
    ],
    [
      "an asynchronous function",
      "async function f<T>(a?: T): Promise<T> {}",
      "function f<T>(a?: T): Promise<T>;",
    ],
    [
      "a destructured parameter",
      "function f({ a }: JobOptions = {}): void {}",
      "function f(options?: JobOptions): void;",
    ],
    [
      "a destructured part of a type",
      "function f({ a }: Pick<ExecutorContext, 'a'>): void {}",
      "function f(context: Pick<ExecutorContext, 'a'>): void;",
    ],
    [
      "a destructured literal",
      "function f({ a }: { a: string }): void {}",
      "function f(options: { a: string }): void;",
    ],
    [
      "an overloaded function",
      `function f(a: string): string;\nexport function f(a: number): number;\nexport function f(a: unknown) { return a; }`,
      "function f(a: string): string;\nfunction f(a: number): number;",
    ],
    [
      "a long function",
      "function f(someParameter: SomeLongType, otherParameter: OtherLongType, third: ThirdLongType): Promise<void> {}",
      "function f(\n  someParameter: SomeLongType,\n  otherParameter: OtherLongType,\n  third: ThirdLongType,\n): Promise<void>;",
    ],
    ["a typed constant", "const f: string = 'a';", "const f: string;"],
    ["a constant with a short value", "const f = 137;", "const f = 137;"],
    [
      "the token of a service",
      'const f = defineService<Check>("check", { methods: ["run"] });',
      "const f: Service<Check>;",
    ],
    ["a type", "type f = string | number;", "type f = string | number;"],
    [
      "an interface",
      "interface f {\n  /** See {@link g}. */\n  a: string;\n}",
      "interface f {\n  /** See `g`. */\n  a: string;\n}",
    ],
    [
      "a class",
      "class f extends Error {\n  #x = 1;\n  /** A code. */\n  readonly code: string;\n  constructor(code: string) { super(); }\n}",
      "class f extends Error {\n  /** A code. */\n  readonly code: string;\n  constructor(code: string);\n}",
    ],
  ])("of %s has no body", async (_, source, expected) => {
    expect(toSignature(await declare(`export ${source}`))).toBe(expected);
  });

  test("of a constant with a long value needs a type", async () => {
    const text = `export const f = "${"x".repeat(100)}";`;
    await expect(declare(text).then((declaration) => toSignature(declaration))).rejects.toThrow(
      'a.ts: the exported constant "f" needs a declared type',
    );
  });

  test("names the types that it refers to, but not those of a body", async () => {
    const declaration = await declare(
      "export function f(a: A, b: typeof c): B<C> { const d: D = 1; return d; }",
    );
    expect(listReferences(declaration)).toEqual(["A", "c", "B", "C"]);
    expect(hasShape(await declare('export const f = { a: "b" } as const;'))).toBe(true);
    expect(hasShape(await declare("export const f = create();"))).toBe(false);
  });
});

describe("an entry", () => {
  test("has the sections of its comments, and the docblocks of what it exports from other files", async () => {
    await using project = await createProject({
      "index.ts": `/**
 * The entry.
 */

// First: the
// first one
export { f, type G as H } from "./a.ts";
/** A package. */
export * as v from "valibot";

// Second: the second one
export { again } from "./b.ts";
`,
      "a.ts": "/** Does it. */\nexport function f(): void {}\nexport interface G {}\n",
      "b.ts": 'export { f as again } from "./a.ts";\n',
    });
    const { purpose, sections } = readEntry(createSources(project.path), "signalman", "index.ts");
    expect(purpose).toBe("The entry.");
    expect(sections).toMatchObject([
      {
        title: "First",
        purpose: "the first one",
        exports: [
          { name: "f", doc: " Does it. " },
          { name: "H", doc: "" },
          { name: "v", doc: " A package. " },
        ],
      },
      { title: "Second", purpose: "the second one", exports: [{ name: "again", doc: " Does it. " }] },
    ]);
  });

  test.each([
    ["no section", 'export { f } from "./a.ts";', "an export is above the first section"],
    [
      "a comment without a title",
      '// no title\nexport { f } from "./a.ts";',
      'the comment "no title" is not "<title>: <purpose>"',
    ],
    ["a declaration of its own", "// A: b\nexport const f = 1;", "is not a list of exports of another file"],
    ["an unknown name", '// A: b\nexport { g } from "./a.ts";', 'the declaration of "g" was not found'],
  ])("with %s is refused", async (_, text, message) => {
    await using project = await createProject({ "index.ts": text, "a.ts": "export const f = 1;" });
    expect(() => readEntry(createSources(project.path), "signalman", "index.ts")).toThrow(message);
  });
});

test("a docblock keeps its paragraphs, lists and tables", () => {
  const doc = `*
 * One {@link two}
 * three.
 *
 * 1. **a** is
 *    long.
 * 2. b
 *
 * | a | b |
 * | --- | --- |
 *
 * @param a is given.
 `;
  expect(toProse(doc)).toBe(
    "One `two` three.\n\n1. **a** is long.\n2. b\n\n| a | b |\n| --- | --- |\n\n- `a`: is given.",
  );
});

async function createProject(files: Readonly<Record<string, string>>) {
  const directory = await tmpdir();
  for (const [name, text] of Object.entries(files)) await Bun.write(join(directory.path, name), text);
  return directory;
}

async function declare(text: string) {
  await using project = await createProject({ "a.ts": text });
  return createSources(project.path).find("a.ts", "f")!;
}
