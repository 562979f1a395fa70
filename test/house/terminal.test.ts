import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

/** Code that decides by itself whether output is a terminal, how wide it is, or whether it has colours. */
const deciding =
  /(?<!stdin)\.isTTY\b|(?:\.|\[["'])(?:NO_COLOR|FORCE_COLOR|CLICOLOR\w*)\b|\bstd(?:out|err)\.(?:columns|rows)\b/;
const place = "src/cli/output/terminal.ts";

test("one file decides whether output is a terminal, its size and its colours", () => {
  const files = filesOf("{src,plugins}/**/*.ts").filter((file) => !/\.test\.ts$|\/testing\//.test(file));
  expect(files.filter((file) => file !== place && deciding.test(textOf(file)))).toEqual([]);
  expect(files).toContain(place);
});

test.each([
  "const tty = process.stdout.isTTY;",
  'if (process.env["NO_COLOR"]) return text;',
  "if (process.env.FORCE_COLOR) return text;",
  "const width = stdout.columns;",
])("%s is found", (line) => {
  expect(deciding.test(line)).toBe(true);
});
