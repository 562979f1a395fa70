import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { check, type Finding } from "signalman";
import { createRecordingLogger, testPlugin, tmpdir } from "signalman/testing";
import { findGroupOutlook } from "signalman/executor";
import { checkControlGroup } from "./checks/control-group.ts";
import { createGroup, type GroupEntry, openInGroup, toEntry } from "./control-group.ts";
import shell from "./index.ts";

const config = { file: undefined, options: [], of: () => undefined };

describe("the login shell", () => {
  test("with a good profile starts and has git and the toolbox", async () => {
    await using machine = await openMachine({
      ".bash_profile": "source ~/.toolbox/toolbox\n",
      ".toolbox/toolbox": "checkout() { :; }\n",
    });
    const findings = await machine.check("login-shell");
    expect(titles(findings, "ok")).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^git version /),
        "jobs have the command `checkout` (a function)",
      ]),
    );
    expect(titles(findings, "error")).toEqual([]);
  });

  test("that exits in its profile is an error with its last output", async () => {
    await using machine = await openMachine({ ".bash_profile": "echo no licence here; exit 3\n" });
    expect(await machine.check("login-shell")).toEqual([
      {
        level: "error",
        title: "the login shell does not start",
        detail: expect.stringContaining("no licence here"),
        remedy: expect.stringContaining("~/.bash_profile"),
      },
    ]);
  });

  test("that hangs is an error and leaves no process behind", async () => {
    await using machine = await openMachine({
      ".bash_profile": "(trap '' HUP TERM; sleep 7331) & sleep 7332\n",
    });
    const findings = await machine.check("login-shell", AbortSignal.timeout(700));
    expect(titles(findings, "error")).toEqual([expect.stringMatching(/was not ready after \d+\.\d s$/)]);
    expect(await living("sleep 7331", "sleep 7332")).toEqual([]);
  });

  test("that starts slowly is a warning", async () => {
    await using machine = await openMachine({ ".bash_profile": "sleep 1.1\n" });
    expect(titles(await machine.check("login-shell"), "warning")[0]).toMatch(/starts in \d+ ms$/);
  });

  test("that prints is a warning with the output", async () => {
    await using machine = await openMachine({ ".bash_profile": "echo welcome\n" });
    expect(await machine.check("login-shell")).toContainEqual(
      expect.objectContaining({ level: "warning", detail: "welcome" }),
    );
  });

  test("without git is an error, and without the toolbox a warning with the missing line", async () => {
    await using machine = await openMachine({
      ".bash_profile": "PATH=$HOME/bin\n",
      ".toolbox/toolbox": "checkout() { :; }\n",
    });
    const findings = await machine.check("login-shell");
    expect(titles(findings, "error")).toEqual([expect.stringContaining("git not found in the PATH of jobs")]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: "warning",
        remedy: expect.stringContaining("source ~/.toolbox/toolbox"),
      }),
    );
  });
});

describe("bash", () => {
  test("that is missing is an error, and the login shell is not checked", async () => {
    await using machine = await openMachine({});
    const env = { PATH: join(machine.home, "nowhere") };
    expect(await machine.check("bash", undefined, env)).toMatchObject([
      { level: "error", title: "bash not found", remedy: expect.stringContaining("install bash 4.1") },
    ]);
    expect(await machine.check("login-shell", undefined, env)).toEqual([]);
  });

  test("that is too old is an error, and so is another program of that name", async () => {
    await using machine = await openMachine({
      "old/bash": "#!/bin/sh\necho 3.2.57\n",
      "no/bash": "#!/bin/sh\nexit 1\n",
    });
    await Promise.all(["old", "no"].map((name) => chmod(join(machine.home, name, "bash"), 0o755)));
    const find = async (place: string) =>
      titles(await machine.check("bash", undefined, { PATH: join(machine.home, place) }), "error");
    expect(await find("old")).toEqual([expect.stringContaining("bash 3.2.57, which is too old")]);
    expect(await find("no")).toEqual([expect.stringContaining("is not a working bash")]);
  });
});

describe("the home directory of jobs", () => {
  test("without known hosts or with a writable .ssh is a warning", async () => {
    await using machine = await openMachine({ ".ssh/config": "" });
    await chmod(join(machine.home, ".ssh"), 0o777);
    expect(titles(await machine.check("home"), "warning")).toEqual([
      expect.stringContaining("is writable by other users"),
      expect.stringContaining("ssh has no known hosts"),
    ]);
  });

  test("with known hosts has no warning", async () => {
    await using machine = await openMachine({ ".ssh/known_hosts": "# mine\ngit.test ssh-ed25519 AAAA\n" });
    expect(titles(await machine.check("home"), "warning")).toEqual([]);
  });

  test("that is missing or not set is an error", async () => {
    await using machine = await openMachine({});
    expect(titles(await machine.check("home", undefined, { HOME: "/nowhere" }), "error")).toHaveLength(1);
    expect(titles(await machine.check("home", undefined, { HOME: "" }), "error")).toHaveLength(1);
  });
});

describe("the control group", () => {
  test("of jobs without limits is never a problem, wherever the agent runs", () => {
    const [finding, ...others] = checkControlGroup({ config });
    expect(finding?.level).toBe("ok");
    expect(finding?.title).toMatch(
      /^(each job in the shell has a control group|jobs in the shell have no control)/,
    );
    expect(others).toEqual([]);
  });

  test("that cannot enforce a limit is reported with the reason and a remedy", () => {
    // More processes than any kernel has: the option is set, whatever this host can do.
    const limited = { ...config, of: () => ({ "job-pids": 2 ** 22 }) };
    const { fault } = findGroupOutlook({ pids: 2 ** 22 });
    const found = checkControlGroup({ config: limited }).filter(({ level }) => level !== "ok");
    expect(found.map(({ detail }) => detail?.startsWith(fault?.reason ?? "none"))).toEqual(
      fault ? [true] : [],
    );
    expect(found.map(({ remedy }) => remedy?.includes("DelegateSubgroup=agent"))).toEqual(
      fault ? [true] : [],
    );
  });
});

describe("a job's control group", () => {
  const context = { options: { stopGraceMs: 1, terminalSize: { rows: 0, columns: 0 } } };

  test("that cannot be created leaves the job without one, in a line at debug level", () => {
    const logger = createRecordingLogger();
    const options = { ...context.options, limits: {} };
    expect(createGroup({ controlGroup: "/proc/none", options, logger })).toBeUndefined();
    expect(createGroup({ options, logger })).toBeUndefined();
    expect(logger.entries.map(({ level }) => level)).toEqual(["debug", "debug"]);
  });

  test("that cannot be created fails a job with limits", () => {
    const options = { ...context.options, limits: { pids: 10 } };
    const failed = expect.objectContaining({ code: "CONTROL_GROUP_FAILED" });
    const logger = createRecordingLogger();
    expect(() => createGroup({ controlGroup: "/proc/none", options, logger })).toThrow(failed);
    expect(() => createGroup({ options, logger })).toThrow(failed);
  });

  test("is entered by the terminal's leader where no process can be started in it", () => {
    const open = ({ controlGroup, enter }: GroupEntry) => {
      if (controlGroup !== undefined) throw new Error("clone3 is forbidden");
      return enter.join("\n");
    };
    expect(openInGroup({ directory: "/proc/none" }, {}, open)).toContain("echo $$ >/proc/none/cgroup.procs");
    expect(openInGroup(undefined, {}, open)).toBe("");
  });

  test("that cannot be entered is required for limits only", () => {
    const enter = (limits: { pids?: number }) =>
      Bun.spawnSync(["sh", "-c", `${toEntry({ directory: "/proc/none" }, limits).join("\n")}\necho runs`], {
        stderr: "pipe",
      });
    const [free, limited] = [enter({}), enter({ pids: 1 })];
    expect([free.stdout.toString(), free.stderr.toString(), free.exitCode]).toEqual(["runs\n", "", 0]);
    expect([limited.stdout.toString(), limited.exitCode]).toEqual(["", 1]);
  });
});

interface Machine extends AsyncDisposable {
  readonly home: string;
  check(
    name: string,
    signal?: AbortSignal,
    env?: Readonly<Record<string, string>>,
  ): Promise<readonly Finding[]>;
}

/** Creates a home directory with these files, and a `bin` without git. */
async function openMachine(files: Readonly<Record<string, string>>): Promise<Machine> {
  const directory = await tmpdir();
  const home = directory.path;
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), text);
  }
  await mkdir(join(home, "bin"));
  await symlink(Bun.which("ls")!, join(home, "bin/ls"));
  const plugin = await testPlugin(shell);
  return {
    home,
    check: async (name, signal = new AbortController().signal, env = {}) =>
      plugin.use(check, name).run({ signal, config, env: { ...process.env, HOME: home, ...env } }),
    async [Symbol.asyncDispose]() {
      await plugin[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function living(...commands: readonly string[]): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")),
  );
  return lines.map((line) => line.replaceAll("\0", " ").trim()).filter((line) => commands.includes(line));
}

function titles(findings: readonly Finding[], level: Finding["level"]): string[] {
  return findings.filter((finding) => finding.level === level).map(({ title }) => title);
}
