import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, root } from "../support/fixtures.ts";
import { jobProcesses } from "../support/agents.ts";

const separator = "----- next block -----";

test("every call on the page about hosted mode does what the page shows", async () => {
  await using tester = await createTester();
  await using _job = {
    [Symbol.asyncDispose]: async () => jobProcesses("hello").forEach((pid) => process.kill(pid)),
  };
  const page = await readFile(path.join(root, "docs", "hosted.md"), "utf8");
  const blocks = [...page.matchAll(/```sh\n(.*?)```\n(?:\n```output\n(.*?)```)?/gs)];
  expect(blocks.length).toBeGreaterThan(5);
  // The agent's log is not part of the page.
  const start = `signalman() { exec ${binary} "$@" > serve.log 2>&1; }`;
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const script = [start, ...blocks.map(([, code]) => code!.replaceAll("8443", String(port)))].join(
    `\necho "${separator}"\n`,
  );
  const { stdout, stderr } = await tester.exec(["bash", "-c", script]);
  const outputs = stdout.split(`${separator}\n`).slice(1);
  const shown = blocks.map(([, , output = ""]) => toPattern(output));
  for (const [index, pattern] of shown.entries()) expect(`${outputs[index]}${stderr}`).toMatch(pattern);
}, 60_000);

/** An ellipsis stands for what differs from run to run. */
function toPattern(output: string): RegExp {
  return new RegExp(`^${output.split("…").map(RegExp.escape).join("[^\\n]*")}`);
}
