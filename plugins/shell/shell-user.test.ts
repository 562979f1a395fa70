import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Executor, ExecutorContext } from "signalman";
import type { JobUser } from "signalman/executor";
import { environmentVariable, executorContext, testExecutor, tmpdir } from "signalman/testing";
import { createShellExecutor } from "./shell.ts";

const isRoot = process.getuid?.() === 0;
/** Belongs to no account. */
const uid = 64_123;

const create = (context: ExecutorContext) =>
  createShellExecutor(context, { startTimeoutMs: 60_000, keepProcesses: [] });

// Only root can start processes of another user.
describe.if(isRoot)("jobs as another user", () => {
  testExecutor({
    name: "shell as another user",
    create: (context) => create(withUser(context, context.directory)),
    createBroken: (context) =>
      create(
        withUser(
          { ...context, environment: { ...context.environment, PATH: "/nowhere" } },
          context.directory,
        ),
      ),
  });

  test("commands run with the user's ids, home, terminal and without capabilities", async () => {
    await using bench = await open();
    expect(await bench.run('id -u; id -G; echo "$HOME $USER"; stat -c %u "$(tty)"')).toBe(
      `${uid}\n${uid} ${uid + 1}\n${bench.home} job\n${uid}\n`,
    );
    expect(await bench.run("echo to the terminal >/dev/stderr")).toBe("to the terminal\n");
    expect(await bench.run("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | sort -u -k2")).toMatch(
      /^CapAmb:\t0+\n$|^Cap\w+:\t0+\n$/,
    );
  });

  test("a job can neither signal the agent nor read the agent's environment and files", async () => {
    await using bench = await open();
    writeFileSync(join(bench.place, "token"), "hush", { mode: 0o600 });
    expect(await bench.run(`kill -0 ${process.pid} 2>/dev/null; echo $?`)).toBe("1\n");
    expect(
      await bench.run(`cat /proc/${process.pid}/environ ${bench.place}/token 2>/dev/null; echo $?`),
    ).toBe("1\n");
    expect(
      await bench.run(`ls ${bench.directory} 2>/dev/null; touch ${bench.directory}/x 2>/dev/null; echo $?`),
    ).toBe("1\n");
  });

  test("files are written with the user's rights: a link into the agent's files leads nowhere", async () => {
    await using bench = await open();
    const secret = join(bench.place, "secret");
    writeFileSync(secret, "untouched", { mode: 0o600 });
    symlinkSync(secret, join(bench.home, "link"));
    const lines: string[] = [];
    const inject = (path: string) =>
      bench.executor.injectFiles([{ path, mode: "0600", content: "eA==" }], (line) =>
        lines.push(String(line)),
      );
    expect(await inject("~/link")).toBe(1);
    expect(lines.join("")).toContain(`Failed to create destination path '${bench.home}/link': `);
    expect(readFileSync(secret, "utf8")).toBe("untouched");
    expect(await inject("~/new/file")).toBe(0);
    expect(statSync(join(bench.home, "new/file")).uid).toBe(uid);
    expect(process.getegid?.()).toBe(0);
    writeFileSync(join(bench.place, "root's"), "");
    expect(statSync(join(bench.place, "root's")).uid).toBe(0);
  });

  test("a FIFO, a device or a directory in the place of a file fails at once", async () => {
    await using bench = await open();
    await bench.run("mkfifo ~/fifo; mkdir ~/directory; ln -s /dev/full ~/device");
    for (const name of ["fifo", "directory", "device"]) {
      const lines: string[] = [];
      const file = { path: `~/${name}`, mode: "0600", content: "eA==" };
      expect(await bench.executor.injectFiles([file], (line) => lines.push(String(line)))).toBe(1);
      expect(lines.join("")).toContain(`Failed to create destination path '${bench.home}/${name}': `);
    }
  });

  test("each command has a file of its own, so that a job cannot block the next command by the last one", async () => {
    await using bench = await open();
    const inode = 'stat -c %i "${BASH_SOURCE[0]}"';
    const [first, second] = [
      await bench.run(`exec 9<"\${BASH_SOURCE[0]}"; ${inode}`),
      await bench.run(inode),
    ];
    expect(first).toMatch(/^\d+\n$/);
    expect(second).not.toBe(first);
  });

  test("the cookie is in no argument that another user can read", async () => {
    await using bench = await open();
    const listed = await bench.run(
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^SIGNALMAN_JOB_'",
    );
    expect(listed).toBe("0\n");
  });

  test("variables are passed in a file of the user that no other user can read", async () => {
    await using bench = await open();
    await bench.executor.exportEnvironment([environmentVariable("SECRET_THING", "hush hush")], () => {});
    const listed = await bench.run("stat -c '%a %u' /tmp/.env-*; echo $SECRET_THING");
    expect(listed).toContain(`600 ${uid}\n`);
    expect(listed).toEndWith("hush hush\n");
  });

  test("behind a command prefix, variables and files are the user's, and a FIFO fails at once", async () => {
    await using bench = await open({ commandPrefix: ["env", "PREFIXED=1"] });
    await bench.executor.exportEnvironment([environmentVariable("SECRET_THING", "hush hush")], () => {});
    const inject = (path: string) =>
      bench.executor.injectFiles([{ path, mode: "0400", content: "eA==" }], () => {});
    expect(await inject("~/new/file")).toBe(0);
    expect(await bench.run("echo $PREFIXED $SECRET_THING; stat -c '%a %u' ~/new/file; cat ~/new/file")).toBe(
      `1 hush hush\n400 ${uid}\nx`,
    );
    await bench.run("mkfifo ~/fifo");
    expect([await inject("~/fifo"), await inject("/etc/never")]).toEqual([1, 1]);
    expect(existsSync("/etc/never")).toBe(false);
  });

  test("everything that runs as a slot's own user ends with the job", async () => {
    await using bench = await open({ isExclusive: true });
    const stray = Bun.spawn(["setpriv", `--reuid=${uid}`, "--clear-groups", "sleep", "1000"]);
    await bench.executor[Symbol.asyncDispose]();
    expect(await stray.exited).toBe(137);
  });

  test("other processes of a shared user continue", async () => {
    await using bench = await open();
    const stray = Bun.spawn(["setpriv", `--reuid=${uid}`, "--clear-groups", "sleep", "1000"]);
    await bench.executor[Symbol.asyncDispose]();
    expect(stray.exitCode).toBeNull();
    stray.kill();
    await stray.exited;
  });

  test("a job cannot create links in its directory", async () => {
    await using bench = await open();
    expect(await bench.run(`ln -sf /etc/passwd ${bench.directory}/command; echo $?`)).toMatch(
      /\n1\n$|^ln:.*\n1\n$/s,
    );
    expect(lstatSync(join(bench.directory, "command")).isSymbolicLink()).toBe(false);
    expect(existsSync(join(bench.directory, "command"))).toBe(true);
    expect(readlinkSync("/proc/self/exe")).not.toBe("");
  });
});

interface UserBench extends AsyncDisposable {
  readonly executor: Executor;
  readonly home: string;
  readonly directory: string;
  /** A directory of root. */
  readonly place: string;
  run(command: string): Promise<string>;
}

async function open(
  options: { isExclusive?: boolean; commandPrefix?: readonly string[] } = {},
): Promise<UserBench> {
  const { commandPrefix = [] } = options;
  const directory = await tmpdir();
  const context = executorContext(directory.path, { commandPrefix });
  const user = withUser(context, directory.path, options.isExclusive);
  const { home } = user.options.user!;
  const executor = create(user);
  expect(await executor.start(new AbortController().signal)).toBe(0);
  return {
    executor,
    home,
    directory: user.directory,
    place: directory.path,
    async run(command) {
      const chunks: Buffer[] = [];
      await executor.run(command, (chunk) => chunks.push(Buffer.from(chunk)));
      return Buffer.concat(chunks).toString().replaceAll("\r\n", "\n");
    },
    async [Symbol.asyncDispose]() {
      await executor[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Gives a job a user of its own, with a home below `place`, and a directory as the job's process creates it. */
function withUser(context: ExecutorContext, place: string, isExclusive = false): ExecutorContext {
  chmodSync(place, 0o711);
  const [home, directory] = [join(place, "home"), join(place, "executor")];
  for (const path of [home, directory]) mkdirSync(path, { recursive: true, mode: 0o700 });
  chownSync(home, uid, uid);
  const user: JobUser = {
    name: "job",
    uid,
    gid: uid,
    groups: [uid, uid + 1],
    home,
    shell: "/bin/bash",
    isExclusive,
  };
  return { ...context, directory, options: { ...context.options, user } };
}
