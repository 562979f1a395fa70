import { expect, test } from "bun:test";
import { readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, root } from "../support/fixtures.ts";

test("docs/start.md leads from a job to an agent that is killed, and nothing is lost", async () => {
  await using tester = await createTester();
  await symlink(binary, path.join(tester.home, "signalman"));
  const page = await readFile(path.join(root, "docs", "start.md"), "utf8");
  const blocks = Array.from(page.matchAll(/```sh\n([^]*?)```/g), ([, code]) => code!);
  const port = String(20_000 + Math.floor(Math.random() * 10_000));
  const script = [
    `PATH=${tester.home}:$PATH SIGNALMAN_HUB=127.0.0.1:${port}`,
    "export PATH SIGNALMAN_HUB",
    `trap 'kill -9 $agent $hub' EXIT`,
    ...blocks.map((code) => code.replaceAll("4850", port)),
    "trap - EXIT",
    "echo finished",
  ].join("\n");
  const { exitCode, stdout } = await tester.exec(["bash", "-ec", script]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining("finished") });
  // A job alone, and one whose log is followed; then one whose agent was killed.
  expect(stdout.match(/^hello world$/gm)).toHaveLength(3);
  expect(stdout.match(/^step 3$/gm)).toHaveLength(3);
  expect(stdout.match(/ finished +passed +first-agent /g)).toHaveLength(2);
}, 120_000);
