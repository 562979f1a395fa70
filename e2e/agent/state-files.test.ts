import { describe, expect, test } from "bun:test";
import { chmod, chown, mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { createCertificateFiles } from "../../plugins/serve/testing/certificate.ts";
import { createScene, type Scene, waitForFile } from "../support/agents.ts";
import { expectJobPasses } from "../support/gated-job.ts";
import { outline, until } from "../support/jobs.ts";
import { isRoot, ordinaryUser, programOf, users } from "../support/users.ts";

/** Commands that attack a file, `$f`, of the job's state directory. */
const attacks: readonly [what: string, pattern: string, command: string][] = [
  ["its log by a FIFO", "$job/events.ndjson", 'rm -f "$f"; mkfifo "$f"'],
  ["its log by a link to a file of another", "$job/events.ndjson", 'ln -sfn $home/victim "$f"'],
  ["its log by a link to a device", "$job/events.ndjson", 'ln -sfn /dev/zero "$f"'],
  ["its log by a directory", "$job/events.ndjson", 'rm -f "$f"; mkdir -p "$f/deep"'],
  ["its log by a file of 10 GiB", "$job/events.ndjson", 'truncate -s 10G "$f"'],
  ["its result by a FIFO", "$job/result.json", 'mkfifo "$f"'],
  ["its result by a link to a file of another", "$job/result.json", 'ln -sfn $home/victim "$f"'],
  ["its result by a directory", "$job/result.json", 'mkdir -p "$f/deep"'],
  ["its lock by a FIFO", "$job/lock", 'rm -f "$f"; mkfifo "$f"'],
  ["its lock by a directory", "$job/lock", 'rm -f "$f"; mkdir "$f"'],
  ["the record of its process by a FIFO", "$job/process.json", 'rm -f "$f"; mkfifo "$f"'],
  ["its request by a FIFO", "$job/request.json", 'rm -f "$f"; mkfifo "$f"'],
];

/** The command with variables for the places in the state directory. */
const toCommand = (scene: Scene, pattern: string, command: string) =>
  `home=${scene.tester.home}; agent=$(echo ${scene.stateDirectory}/agents/*); job=$(echo $agent/slot-*/jobs/$SEMAPHORE_JOB_ID); f=${pattern}; ${command}`;

/** A command that waits for the file `go`. Each slot has a home of its own. */
const toWait = ({ tester }: Scene) =>
  `echo begun; while [ ! -e ${tester.home}/go ]; do sleep 0.1; done; echo over`;

async function createAgent(as: readonly string[]) {
  const scene = await createScene();
  const program = await programOf(scene.tester, as);
  const log = path.join(scene.tester.home, "agent.log");
  await scene.tester.write("victim", "belongs to another", 0o666);
  return {
    scene,
    program,
    start: (slots: number) => scene.readyAgent(["--slots", `${slots}`, "--log-file-path", log], { program }),
    // The default file is the hub's as well, which runs as another user.
    agentLog: () => readFile(log, "utf8"),
    expectVictimUnchanged: async () =>
      expect(await readFile(path.join(scene.tester.home, "victim"), "utf8")).toBe("belongs to another"),
  };
}

/** Expects that the commands which read the state directory do their work. */
async function expectReadable({ tester, stateDirectory }: Scene, program: readonly string[]): Promise<void> {
  const place = ["--state-dir", stateDirectory];
  const logs = await tester.run(["logs", ...place], { program });
  expect(logs).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/\w/) });
  // An agent that resumes many jobs on a busy machine may need longer for its answer than `status` waits.
  await until(
    "the status is shown",
    async () => (await tester.run(["status", ...place], { program })).exitCode === 0,
  );
  const { stdout } = await tester.run(["doctor", ...place], { program });
  expect(stdout).toContain("running agents: pid");
}

describe.each(users)("as $user, a job that replaces a file of its state directory", ({ as }) => {
  test.concurrent("fails, with the reason in the agent's log; the other slot, logs, status and doctor go on", async () => {
    const { scene, program, start, agentLog, expectVictimUnchanged } = await createAgent(as);
    await using _scene = scene;
    const { hub, tester } = scene;
    await start(2);
    const other = await hub.submit({ commands: [toWait(scene)] });
    await hub.shows(other, "begun");
    for (const [what, pattern, command] of attacks) {
      const id = await hub.submit({ commands: [toCommand(scene, pattern, command)] });
      expect({ what, result: (await hub.done(id)).result }).toEqual({ what, result: "failed" });
      expect(await agentLog()).toMatch(new RegExp(`level=error .*job=${id} .*another process`));
      await expectVictimUnchanged();
    }
    await expectReadable(scene, program);
    await tester.write("go", "");
    expect((await hub.done(other)).result).toBe("passed");
    expect(outline(await hub.log(other)).at(-1)).toBe("end passed");
    await expectJobPasses(scene);
  });

  test.concurrent("and lives through a restart of the agent fails, and the next agent takes jobs", async () => {
    const { scene, program, start, expectVictimUnchanged } = await createAgent(as);
    await using _scene = scene;
    const { hub, tester } = scene;
    const first = await start(attacks.length + 1);
    const other = await hub.submit({ commands: [toWait(scene)] });
    await hub.shows(other, "begun");
    const jobs = new Map<string, string>();
    for (const [index, [what, pattern, command]] of attacks.entries()) {
      const attack = `${toCommand(scene, pattern, command)}; touch $home/attacked-${index}; ${toWait(scene)}`;
      jobs.set(await hub.submit({ commands: [attack] }), what);
      await waitForFile(path.join(tester.home, `attacked-${index}`));
    }
    first.kill("SIGKILL");
    await first.finished;
    await start(attacks.length + 1);
    await expectReadable(scene, program);
    await tester.write("go", "");
    for (const [id, what] of jobs)
      expect({ what, result: (await hub.done(id)).result }).toEqual({ what, result: "failed" });
    expect((await hub.done(other)).result).toBe("passed");
    expect(outline(await hub.log(other)).at(-1)).toBe("end passed");
    await expectJobPasses(scene);
    await expectVictimUnchanged();
  });

  test.concurrent("of its agent, the lock or the status socket, costs no job, and the next agent starts", async () => {
    const { scene, start, agentLog } = await createAgent(as);
    await using _scene = scene;
    const first = await start(2);
    const replace = 'rm -f "$f" $agent/status.sock; mkfifo "$f" $agent/status.sock';
    const id = await scene.hub.submit({ commands: [toCommand(scene, "$agent/lock", replace)] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    await expectJobPasses(scene);
    expect(await agentLog()).toMatch(/the lock of the state directory ".*" was removed or replaced/);
    first.kill("SIGKILL");
    await first.finished;
    await start(2);
    await expectJobPasses(scene);
  });
});

describe("a state directory that is not the agent's alone", () => {
  /** Makes a directory unsafe, and returns what the error names. */
  const faults: readonly [what: string, spoil: (scene: Scene) => Promise<unknown>, named: RegExp][] = [
    [
      "is writable by every user",
      ({ stateDirectory }) => chmod(stateDirectory, 0o777),
      /every user may write to it \(".*state": owner \d+:\d+, mode 0777\); chmod 700/,
    ],
    [
      "can be replaced in its parent",
      ({ tester }) => chmod(tester.home, 0o777),
      /every user may replace ".*state" in it \(".*home": owner .*, mode 0777\); chmod go-w/,
    ],
    [
      "has open directories below it",
      ({ stateDirectory }) =>
        mkdir(path.join(stateDirectory, "agents")).then(() =>
          chmod(path.join(stateDirectory, "agents"), 0o777),
        ),
      /agents": owner/,
    ],
  ];

  const expectRefusal = async (scene: Scene, named: RegExp, program?: readonly string[]) => {
    // The configuration is in the same home, and would be refused first.
    const env = { SEMAPHORE_AGENT_ALLOW_WRITABLE_CONFIGURATION: "true" };
    const options = { env, ...(program && { program }) };
    const { exitCode, stderr } = await scene.agent([], options).finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(named) });
    expect(stderr).toContain(`the state directory "`);
    const doctor = await scene.tester.run(["doctor", "--state-dir", scene.stateDirectory], options);
    expect(doctor.stdout).toMatch(
      /error .*state directory.* (is not the agent's alone|cannot be used)|warning .*is not the agent's alone/,
    );
  };

  test.concurrent.each(faults)(
    "because it %s is refused by start with status 2, and reported by doctor",
    async (_, spoil, named) => {
      await using scene = await createScene();
      await mkdir(scene.stateDirectory, { mode: 0o700 });
      await spoil(scene);
      await expectRefusal(scene, named);
      createCertificateFiles(scene.tester.home);
      const serve = ["serve", "--auth-token-secret", "secret", "--host", "127.0.0.1", "--port", "0"];
      const { exitCode, stderr } = await scene.tester.run([...serve, "--state-dir", scene.stateDirectory]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(named) });
    },
  );

  test.concurrent.if(isRoot)(
    "because it belongs to another user is refused, for root and for an ordinary user",
    async () => {
      await using scene = await createScene();
      const program = await programOf(scene.tester, ["setpriv", `--reuid=${ordinaryUser}`, "--clear-groups"]);
      await mkdir(scene.stateDirectory, { mode: 0o755 });
      await chown(scene.stateDirectory, 12345, 12345);
      const named =
        /it belongs to another user than the agent's \(\d+\) \(".*state": owner 12345:12345, mode 0755\); run the agent as user 12345/;
      await expectRefusal(scene, named);
      await expectRefusal(scene, named, program);
    },
  );

  test.concurrent("is used when a directory above it is open to all with the sticky bit, or open to a group of the agent alone", async () => {
    await using scene = await createScene();
    await chmod(scene.tester.home, 0o1777);
    await scene.readyAgent();
    await expectJobPasses(scene);
    expect((await stat(scene.stateDirectory)).mode & 0o777).toBe(0o700);
  });
});
