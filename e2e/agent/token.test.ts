import { describe, expect, test } from "bun:test";
import { chmod, chown, copyFile, readFile } from "node:fs/promises";
import path from "node:path";
import { createScene, waitForFile, type Scene } from "../support/agents.ts";
import { binary } from "../support/fixtures.ts";
import { outputOf } from "../support/jobs.ts";
import { isRoot, needsRoot, ordinaryUser, programOf, users } from "../support/users.ts";

const restarts = 30;

/** What an attacker of {@link attack} found, and the number of files that it read. */
interface Loot {
  readonly files: number;
  readonly found: readonly string[];
}

/** Installs the program as root's with a mode, and gives the home to an ordinary user. */
async function installProgram({ tester }: Scene, mode: number): Promise<string> {
  await programOf(tester, users.at(-1)!.as);
  const program = path.join(path.dirname(tester.home), "installed");
  await copyFile(binary, program);
  await chown(program, 0, 0);
  await chmod(program, mode);
  return program;
}

/** A secret in the forms in which programs write it. */
function toForms(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((shift) =>
    Buffer.from(" ".repeat(shift) + secret)
      .toString("base64")
      .slice(4, -4),
  );
  const forms = [...inBase64, ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString("hex"), ...forms];
}

/** Restarts an agent of an ordinary user while one of its jobs looks for the agent's token. */
async function attack(mode: number): Promise<Loot> {
  const token = `token+/${crypto.randomUUID()}`;
  await using scene = await createScene({ token });
  const { hub, tester } = scene;
  const program = await installProgram(scene, mode);
  const attacker = path.join(tester.home, "attacker.ts");
  await copyFile(path.join(import.meta.dir, "../support/proc-attacker.ts"), attacker);
  const marker = await tester.write("marker", "");
  const options = { program: [program], uid: ordinaryUser, env: { SEMAPHORE_AGENT_TOKEN: token } };
  let agent = await scene.readyAgent([], options);
  const reversed = toForms(token).map((text) => `'${[...text].toReversed().join("")}'`);
  const id = await hub.submit({
    commands: [`cd ~ && BUN_BE_BUN=1 ${program} ${attacker} ${marker} ${reversed.join(" ")}`],
  });
  await waitForFile(path.join(tester.home, "polling"));
  for (let round = 0; round < restarts; round += 1) {
    agent.kill(round % 2 === 0 ? "SIGUSR2" : "SIGKILL");
    await agent.finished;
    agent = await scene.readyAgent([], options);
  }
  await tester.write("stop", "");
  expect((await hub.done(id)).result).toBe("passed");
  return JSON.parse(await readFile(path.join(tester.home, "found"), "utf8")) as Loot;
}

describe("the token of an agent of an ordinary user", () => {
  test.skipIf(!isRoot)(
    `is in nothing that its jobs can read through ${restarts} restarts, when its user cannot read the program${needsRoot}`,
    async () => {
      const { files, found } = await attack(0o711);
      expect(found).toEqual([]);
      expect(files).toBeGreaterThan(0);
    },
  );

  test.skipIf(!isRoot)(
    `is found by the same job when the program can be read, as doctor warns${needsRoot}`,
    async () => {
      expect((await attack(0o755)).found).toContain("environ of a process");
    },
  );
});

describe("a program that its user cannot read", () => {
  test.skipIf(!isRoot)(`runs commands, jobs and agents, and doctor accepts it${needsRoot}`, async () => {
    await using scene = await createScene();
    const program = await installProgram(scene, 0o711);
    const run = (...args: string[]) => scene.tester.run(args, { program: [program], uid: ordinaryUser });
    const title = "jobs cannot read the agent's memory and environment, from its start on";
    expect((await run("doctor")).stdout).toContain(`ok       ${title}`);
    const job = await scene.tester.write("job.json", JSON.stringify({ commands: [`head -c 4 ${program}`] }));
    const { stdout } = await run("run", job);
    expect(stdout).toContain("Permission denied");
    const agent = await scene.readyAgent(["--disconnect-after-job"], {
      program: [program],
      uid: ordinaryUser,
    });
    const look = "id -u";
    const id = await scene.hub.submit({ commands: [look] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(outputOf(await scene.hub.log(id), look)).toBe(`${ordinaryUser}\n`);
    expect((await agent.finished).exitCode).toBe(0);
  });

  test.skipIf(!isRoot)(`is what doctor recommends${needsRoot}`, async () => {
    await using scene = await createScene();
    const program = await installProgram(scene, 0o755);
    const doctor = (as: object) => scene.tester.run(["doctor"], { program: [program], ...as });
    const { stdout } = await doctor({ uid: ordinaryUser });
    expect(stdout).toContain("warning  jobs can read the agent's token while the agent starts");
    expect(stdout).toContain(`remedy: run as root: chown root:root ${program} && chmod 0711 ${program}`);
    await chmod(program, 0o711);
    const behind = [...users.at(-1)!.as, program];
    expect((await doctor({ program: behind })).stdout).toContain("and not with setpriv");
  });
});
