import { expect, test } from "bun:test";
import { renderDiagnoses } from "./render.ts";

const diagnosis = {
  owner: "shell",
  check: "known-hosts",
  level: "warning",
  title: "ssh has no known hosts: the first checkout waits for a confirmation",
  detail: "first\n/a/path/that/is/longer/than/the/terminal/is/wide",
  remedy: "add the host keys of your git server",
} as const;

test("texts are wrapped at the width of a terminal, without breaking a word", () => {
  const lines = renderDiagnoses([diagnosis], { isColoured: false, columns: 40 }).split("\n");
  expect(lines).toEqual([
    "shell",
    "  warning  ssh has no known hosts: the",
    "           first checkout waits for a",
    "           confirmation",
    "           first",
    "           /a/path/that/is/longer/than/the/terminal/is/wide",
    "           remedy: add the host keys of",
    "           your git server",
    "",
    "0 errors, 1 warning, 0 ok",
  ]);
});

test("texts are lines where the output is no terminal", () => {
  const lines = renderDiagnoses([diagnosis], { isColoured: false }).split("\n");
  expect(lines).toContain(`  warning  ${diagnosis.title}`);
  expect(lines).toContain(`           remedy: ${diagnosis.remedy}`);
});
