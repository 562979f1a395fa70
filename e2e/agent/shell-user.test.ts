import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createScene, jobProcesses } from "../support/agents.ts";
import { binary, createTester } from "../support/fixtures.ts";
import { canUnshare, mountNamespace } from "../support/isolation.ts";
import { registrationToken } from "../support/hub-process.ts";
import { firstUid } from "../support/job-user.ts";
import { findProcesses, outline, outputOf, runJob, uniqueSeconds, until } from "../support/jobs.ts";
import { isRoot, needsRoot, programOf, users } from "../support/users.ts";

const sudo = Bun.which("sudo");
const withJobUsers = { hasJobUsers: true };

describe("shell-user is refused", () => {
  test.each([
    ["for root", ["--shell-user", "root"], /user "root" is root, whose jobs could do all that the agent can/],
    ["for an unknown user", ["--shell-user", "nobody-here"], /no user "nobody-here" on this host/],
    ["for a name that is none", ["--shell-user", "a b"], /shell-user.*expected the name or uid of a user/s],
  ])(`%s: exit status 2, and nothing has run${needsRoot}`, async (_, args, message) => {
    await using tester = await createTester();
    const { exitCode, stdout, stderr } = await runJob(tester, { commands: ["touch ran"] }, args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    if (isRoot) expect(stderr).toMatch(message);
    expect(existsSync(path.join(tester.home, "ran"))).toBe(false);
  });

  test.if(isRoot)("for several slots that would share a user, before the agent registers", async () => {
    await using scene = await createScene();
    const agent = scene.agent(["--slots", "2", "--shell-user", "nobody"]);
    const { exitCode, stderr, stdout } = await agent.finished;
    expect(exitCode).toBe(1);
    expect(stderr + stdout).toContain('use a user for each slot, such as "ci-{slot}"');
    expect(await scene.hub.calls()).toEqual([]);
  });

  test("to an agent that is not root", async () => {
    await using tester = await createTester({ hasJobUsers: false });
    const ordinary = users.at(-1)!;
    const program = await programOf(tester, ordinary.as);
    const job = { commands: ["true"] };
    const { exitCode, stderr } = await runJob(tester, job, ["--shell-user", "daemon"], { program });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("only an agent that runs as root can start jobs as another user");
  });
});

describe.if(isRoot)("keep-processes", () => {
  const attack = (seconds: string) => `(setsid bash -c 'exec -a gradle sleep ${seconds}' &)`;
  const args = ["--keep-processes", "gradle"];

  test("is refused while every process of the user is ended: any job can give a process such a name", async () => {
    await using scene = await createScene({}, withJobUsers);
    const env = { SEMAPHORE_AGENT_END_USER_PROCESSES: "true" };
    const reason = '"keep-processes" cannot be used while every process of the jobs';
    await expect(scene.readyAgent(args, { env })).rejects.toThrow(reason);
    expect(await scene.hub.calls()).toEqual([]);
    const { stdout } = await scene.tester.run(["doctor", ...args], { env });
    expect(stdout).toContain(reason);
    const seconds = uniqueSeconds();
    const { exitCode } = await runJob(scene.tester, { commands: [attack(seconds)] }, args, { env });
    expect(exitCode).not.toBe(0);
    expect(findProcesses(seconds)).toEqual([]);
  });
});

describe.if(isRoot)("a job of another user", () => {
  test("gets no token, no state, no configuration, and signals nothing of the agent", async () => {
    await using scene = await createScene({}, withJobUsers);
    const agent = await scene.readyAgent();
    const search = [
      // What belongs to the agent: its process and the processes of its jobs.
      `for pid in ${agent.pid} $(ps -o pid= --ppid ${agent.pid}); do`,
      '  for file in environ mem maps fd/0 fd/1; do cat /proc/$pid/$file 2>/dev/null && echo "READ $pid $file"; done',
      '  kill -0 $pid 2>/dev/null && echo "SIGNALLED $pid"',
      "done",
      `ls ${scene.stateDirectory} 2>/dev/null && echo LISTED`,
      `find ${scene.stateDirectory} ${scene.tester.temporary} -type f -readable ! -path '*/executor-*' 2>/dev/null`,
      "env; cat /proc/self/environ; echo searched",
    ].join("\n");
    const id = await scene.hub.submit({ commands: [search] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    // The path of the configuration is known to the job, so that commands of plugins find it.
    const output = outputOf(await scene.hub.log(id), search).replaceAll(
      /SIGNALMAN_CONFIG_FILE=[^\n\0]*/g,
      "",
    );
    expect(output).toEndWith("searched\n");
    expect(output).not.toMatch(/READ|SIGNALLED|LISTED|events\.ndjson|\.json/);
    expect(output).not.toContain(registrationToken);
  });

  test("in another slot reads neither variables nor commands nor files of the first", async () => {
    await using scene = await createScene({}, withJobUsers);
    await scene.readyAgent(["--slots", "2"]);
    const holds = `umask 077; echo hush >${scene.tester.home}/own; touch ${scene.tester.home}/held; until [ -e ${scene.tester.home}/over ]; do sleep 0.05; done; id -u`;
    const first = await scene.hub.submit({
      commands: [holds],
      env_vars: [{ name: "HUSH", value: Buffer.from("hush").toString("base64") }],
    });
    await until("the first job runs", () => existsSync(path.join(scene.tester.home, "held")));
    const reads = `id -u; cat /tmp/.env-* ${scene.tester.temporary}/signalman-*/*/* ${scene.tester.home}/own 2>/dev/null; grep -l HUSH /proc/*/environ 2>/dev/null; touch ${scene.tester.home}/over`;
    const second = await scene.hub.submit({ commands: [reads] });
    for (const id of [first, second]) expect((await scene.hub.done(id)).result).toBe("passed");
    const output = outputOf(await scene.hub.log(second), reads);
    const ids = [output.split("\n")[0], outputOf(await scene.hub.log(first), holds).trim()];
    expect(ids.toSorted()).toEqual([String(firstUid), String(firstUid + 1)]);
    expect(output).not.toContain("hush");
  });

  test("cannot end or suspend its own job's process and guard", async () => {
    await using scene = await createScene({}, withJobUsers);
    await scene.readyAgent();
    const attack =
      "for pid in $(ps -o ppid= -p $PPID) $(pgrep -f signalman-guard); do kill -9 $pid && echo KILLED; kill -STOP $pid && echo STOPPED; done 2>/dev/null; echo tried";
    const id = await scene.hub.submit({ commands: [attack, "echo next"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    const events = await scene.hub.log(id);
    expect(outputOf(events, attack)).toBe("tried\n");
    expect(outputOf(events, "echo next")).toBe("next\n");
  });

  test("leaves nothing that runs as its own user, also when its process is killed", async () => {
    await using scene = await createScene({}, withJobUsers);
    await scene.readyAgent([], { env: { SEMAPHORE_AGENT_END_USER_PROCESSES: "true" } });
    const seconds = uniqueSeconds();
    const asJobUser = ["setpriv", `--reuid=${firstUid}`, "--clear-groups", "sleep", seconds];
    for (const end of ["passes", "is killed"]) {
      await using stray = startStray(asJobUser);
      const id = await scene.hub.submit({
        commands: [
          `touch "${scene.tester.home}/${end}"; sleep 0.3`,
          end === "passes" ? "true" : "sleep 3600",
        ],
      });
      await until("the job runs", () => existsSync(path.join(scene.tester.home, end)));
      if (end === "is killed") for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
      await scene.hub.done(id);
      expect(await stray.exited).toBe(137);
      expect(findProcesses(seconds)).toEqual([]);
    }
  });

  test.if(canUnshare && sudo !== null)(
    "may use sudo, and what it started as root ends with the job",
    async () => {
      await using scene = await createScene();
      // The mount makes the rules visible to the agent and its processes only.
      const rules = await scene.tester.write("sudoers", "nobody ALL=(root) NOPASSWD: ALL\n", 0o440);
      const script = `mount --bind "$0" /etc/sudoers && exec "$@"`;
      await scene.readyAgent(["--shell-user", "nobody"], {
        program: [...mountNamespace, "sh", "-c", script, rules, binary],
      });
      const seconds = uniqueSeconds();
      const stubborn = `(setsid sudo -n sh -c "trap '' TERM HUP; sleep ${seconds}; :" </dev/null >/dev/null 2>&1 &); sleep 0.5`;
      const id = await scene.hub.submit({ commands: ["id -un; sudo -n id -un", stubborn] });
      expect((await scene.hub.done(id)).result).toBe("passed");
      expect(outputOf(await scene.hub.log(id), "id -un; sudo -n id -un")).toBe("nobody\nroot\n");
      await until("everything has ended", () => findProcesses(seconds).length === 0);
    },
  );

  test("whose process is killed takes no process of another user along, whatever that carries", async () => {
    await using scene = await createScene({}, withJobUsers);
    await scene.readyAgent();
    const place = scene.tester.home;
    const command = `env | grep '^SIGNALMAN_JOB_' | grep -vE 'SOCKET|ANSWERS' >${place}/cookie; touch ${place}/on; sleep 3600`;
    const id = await scene.hub.submit({ commands: [command] });
    await until("the job runs", () => existsSync(path.join(place, "on")));
    const cookie = readText(path.join(place, "cookie")).trim();
    expect(cookie).toMatch(/^SIGNALMAN_JOB_\w+=\w+$/);
    const other = [
      "setpriv",
      `--reuid=${firstUid + 50}`,
      "--clear-groups",
      "env",
      cookie,
      "sleep",
      uniqueSeconds(),
    ];
    await using stray = startStray(other);
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    expect((await scene.hub.done(id)).result).toBe("failed");
    await until("the job's own processes have ended", () => !isRunningAs(firstUid));
    expect(await Promise.race([stray.exited, Bun.sleep(300).then(() => "alive")])).toBe("alive");
  });

  test("keeps its login profile, terminal, exit codes, files and limits of the log", async () => {
    await using scene = await createScene({}, withJobUsers);
    await scene.tester.write(".bash_profile", "export FROM_PROFILE=yes\n");
    await scene.readyAgent();
    const id = await scene.hub.submit({
      commands: [
        "echo $FROM_PROFILE $HOME $USER",
        "stat -c %u $(tty)",
        "echo err >/dev/stderr",
        "cat given",
        "exit 3",
      ],
      env_vars: [{ name: "PLACE", value: Buffer.from(scene.tester.home).toString("base64") }],
      files: [{ path: "given", content: Buffer.from("content\n").toString("base64"), mode: "0400" }],
    });
    expect((await scene.hub.done(id)).result).toBe("failed");
    const lines = outline(await scene.hub.log(id));
    expect(lines).toContain(`[echo $FROM_PROFILE $HOME $USER] 0: yes ${scene.tester.home} ci-1\n`);
    expect(lines).toContain(`[stat -c %u $(tty)] 0: ${firstUid}\n`);
    expect(lines).toContain("[echo err >/dev/stderr] 0: err\n");
    expect(lines).toContain("[cat given] 0: content\n");
    expect(findExportFiles(scene.tester.home)).toEqual([]);
  });

  test.each(["700", "711", "1777"])("runs whatever the mode of the agent's TMPDIR: %s", async (mode) => {
    await using tester = await createTester(withJobUsers);
    const TMPDIR = path.join(tester.home, "own");
    mkdirSync(TMPDIR);
    chmodSync(TMPDIR, Number.parseInt(mode, 8));
    const redact = `echo secret-value | ${binary} redact; echo secret-value`;
    const files = [{ path: "given", content: Buffer.from("content\n").toString("base64"), mode: "0644" }];
    const job = { commands: ["cat given", redact], files };
    const { exitCode, stdout } = await runJob(tester, job, [], { env: { TMPDIR } });
    expect(stdout).toMatch(/▸ cat given\ncontent\n/);
    expect(stdout).toContain("[REDACTED]\n");
    expect(exitCode).toBe(0);
    expect(readdirSync(TMPDIR).filter((name) => name.startsWith("signalman-"))).toEqual([]);
  });
});

/** Whether a process of this user runs. */
function isRunningAs(uid: number): boolean {
  return readdirSync("/proc").some(
    (pid) =>
      /^\d+$/.test(pid) &&
      new RegExp(`^Uid:\t${uid}\t`, "m").test(readText(`/proc/${pid}/status`)) &&
      !/^State:\tZ/m.test(readText(`/proc/${pid}/status`)),
  );
}

function startStray(command: readonly string[]) {
  const stray = Bun.spawn([...command]);
  return {
    exited: stray.exited,
    async [Symbol.asyncDispose]() {
      stray.kill("SIGKILL");
      await stray.exited;
    },
  };
}

/** Files that pass variables to a shell and contain the text. */
function findExportFiles(text: string): string[] {
  return readdirSync("/tmp")
    .filter((name) => /^\.env-\d{19}$/.test(name))
    .filter((name) => readText(path.join("/tmp", name)).includes(text));
}

/** Empty for a file that was removed meanwhile. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
