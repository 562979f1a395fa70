import { expect, test } from "bun:test";
import { builtInExecutors } from "../../plugins/index.ts";
import { filesOf, textOf } from "../project.ts";

// The start, the stop, the disposal and their races are handled once, in src/kit/executor.

const isCode = (file: string) => !file.endsWith(".test.ts");

test("plugins make their executors by createSessionExecutor", () => {
  const files = filesOf("plugins/**/*.ts", "src/kit/**/*.ts", "docs/examples/plugins/**/*.ts").filter(isCode);
  expect(files.filter((file) => /\bexportEnvironment(?:\(|:)/.test(textOf(file))).toSorted()).toEqual([
    "src/kit/executor/lazy-executor.ts",
    "src/kit/executor/session-executor.ts",
  ]);
});

test("no executor keeps whether it starts, was stopped or disposed", () => {
  const executors = filesOf(
    "plugins/{shell,docker,kubernetes}/*.ts",
    "docs/examples/plugins/sandbox-executor/*.ts",
  ).filter(isCode);
  expect(executors.length).toBeGreaterThan(30);
  const states = /\blet (?:is)?(?:stopp(?:ed|ing)|start(?:ed|ing)|dispos(?:ed|ing|al))\b.*[:=]/i;
  const found = executors.flatMap((file) =>
    textOf(file)
      .split("\n")
      .filter((line) => states.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test("the list of executors for completion has those that the built-in plugins provide", () => {
  const found = filesOf("plugins/*/index.ts").flatMap((file) =>
    [...textOf(file).matchAll(/\.provide\(executor, "([^"]+)"/g)].map(([, name]) => name!),
  );
  expect([...builtInExecutors].toSorted()).toEqual(found.toSorted());
});
