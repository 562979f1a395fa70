import { describe, expect, test } from "bun:test";
import { existsSync, lchownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { makeSharedDirectory } from "../../test/shared-directory.ts";
import { createScene } from "../support/agents.ts";
import { createTester, type Tester } from "../support/fixtures.ts";
import { expectJobPasses } from "../support/gated-job.ts";
import { isRoot, needsRoot } from "../support/users.ts";

const stranger = 12_345;

/** Creates a directory such as `/tmp`, and one that is root's alone. */
function createPlaces(tester: Tester) {
  const shared = path.join(tester.home, "shared");
  const precious = path.join(tester.home, "precious");
  makeSharedDirectory(shared);
  mkdirSync(precious, { mode: 0o700 });
  return { shared, precious };
}

/** Creates a link as another user would. */
function plantLink(link: string, target: string): void {
  symlinkSync(target, link);
  lchownSync(link, stranger, stranger);
}

describe.skipIf(!isRoot)(`in a directory with the sticky bit, another user${needsRoot}`, () => {
  test("cannot lead the state directory elsewhere by a link: start refuses it, and doctor reports it", async () => {
    await using scene = await createScene();
    const { shared, precious } = createPlaces(scene.tester);
    plantLink(path.join(shared, "link"), precious);
    const place = ["--state-dir", path.join(shared, "link", "state")];
    const { exitCode, stderr } = await scene.agent(place).finished;
    const named = `the symbolic link "${path.join(shared, "link")}", through which its path leads, belongs to user ${stranger}`;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(named) });
    expect(existsSync(path.join(precious, "state"))).toBe(false);
    expect((await scene.tester.run(["doctor", ...place])).stdout).toContain(named);
  });

  test("cannot own the agent's log: the agent runs without a file, and doctor reports it", async () => {
    await using scene = await createScene();
    const { shared } = createPlaces(scene.tester);
    const log = path.join(shared, "agent_log");
    writeFileSync(log, "theirs\n");
    lchownSync(log, stranger, stranger);
    const env = { TMPDIR: shared };
    const agent = await scene.readyAgent([], { env });
    await expectJobPasses(scene);
    const doctor = await scene.tester.run(["doctor"], { env });
    agent.kill("SIGTERM");
    expect((await agent.finished).stderr).toContain(
      `cannot open the log file "${log}": it belongs to user ${stranger}, in a directory that other users may write to`,
    );
    expect(readFileSync(log, "utf8")).toBe("theirs\n");
    expect(doctor.stdout).toContain(`log file "${log}" cannot be written: it belongs to user ${stranger}`);
  });

  test("cannot make a hub write its token and key elsewhere", async () => {
    await using tester = await createTester();
    const { shared, precious } = createPlaces(tester);
    const storage = path.join(shared, "storage");
    const victim = path.join(precious, "victim");
    writeFileSync(victim, "precious");
    mkdirSync(storage);
    plantLink(path.join(storage, "identity.part"), victim);
    lchownSync(storage, stranger, stranger);
    const { exitCode, stderr } = await tester.run(["hub", "--port", "0", "--storage", storage]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `storage "${storage}" can be changed by other users: it belongs to another user`,
    );
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });
});

test("a hub replaces a link in the place of a part, and does not write to its target", async () => {
  await using tester = await createTester();
  const victim = await tester.write("victim", "precious");
  const storage = path.join(tester.home, "storage");
  mkdirSync(storage, { mode: 0o700 });
  symlinkSync(victim, path.join(storage, "identity.part"));
  const hub = tester.start(["hub", "--port", "0", "--storage", storage]);
  await hub.shows("to start an agent: ");
  hub.kill("SIGTERM");
  await hub.finished;
  expect(readFileSync(victim, "utf8")).toBe("precious");
});
