import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

const maxColumns = 120;

test("no comment line of a source file is wider than 120 columns", () => {
  const files = filesOf("{src,plugins,scripts,bin,test,e2e,bench,docs}/**/*.{ts,mjs,cjs}");
  expect(files.length).toBeGreaterThan(1000);
  expect(files.flatMap((file) => findWideComments(textOf(file)).map((line) => `${file}:${line}`))).toEqual(
    [],
  );
});

test("wide lines of every kind of comment are found, and wide code is not", () => {
  const wide = "x".repeat(maxColumns);
  const lines = [
    `// ${wide}`,
    "/**",
    ` * ${wide}`,
    " */",
    `  /** ${wide} */`,
    `/* ${wide} */`,
    `f("// ${wide}");`,
  ];
  expect(findWideComments(lines.join("\n"))).toEqual([1, 3, 5, 6]);
});

/** Lists the numbers of the lines, from 1. */
function findWideComments(text: string): number[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      /^\s*(\/\/|\/\*|\*)/.test(line) && line.length > maxColumns ? [index + 1] : [],
    );
}
