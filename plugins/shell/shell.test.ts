import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir as systemTmpdir } from "node:os";
import { join } from "node:path";
import type { Executor, ExecutorContext } from "signalman";
import {
  createRecordingLogger,
  environmentVariable,
  executorContext,
  testExecutor,
  testPlugin,
  tmpdir,
} from "signalman/testing";
import plugin from "./index.ts";
import { createShellExecutor } from "./shell.ts";

const create = (context: ExecutorContext, keepProcesses: string[] = []) =>
  createShellExecutor(context, { startTimeoutMs: 10_000, keepProcesses });

testExecutor({
  name: "shell",
  create,
  createBroken: (context) =>
    create({ ...context, environment: { ...context.environment, PATH: "/nowhere" } }),
});

test("the plugin provides the executor under the name that requests use", async () => {
  await using t = await testPlugin(plugin);
  expect(t.services).toContainEqual({ service: "executor", name: "shell" });
});

describe("the files of a job", () => {
  test("variables are passed in a file with mode 0600 that is removed with the job", async () => {
    await using bench = await open();
    await bench.executor.exportEnvironment([environmentVariable("SECRET_THING", "hush hush")], () => {});
    const files = readdirSync(systemTmpdir())
      .filter((name) => /^\.env-\d{19}$/.test(name))
      .map((name) => join(systemTmpdir(), name))
      .filter((path) => readFileSync(path, "utf8").includes("SECRET_THING"));
    expect(files).toHaveLength(1);
    expect(statSync(files[0]!).mode & 0o777).toBe(0o600);
    expect(await bench.run("echo $SECRET_THING; ps -o args= -e | grep -c 'hus[h]'")).toBe("hush hush\n0\n");
    await bench.executor[Symbol.asyncDispose]();
    expect(existsSync(files[0]!)).toBe(false);
  });

  test("an invalid variable name is skipped and reported", async () => {
    await using bench = await open();
    let reported = "";
    const env = [environmentVariable("BAD-NAME", "x"), environmentVariable("GOOD", "y")];
    expect(await bench.executor.exportEnvironment(env, (text) => (reported += text))).toBe(0);
    expect(reported).toBe("Skipping BAD-NAME: not a valid name of a shell variable\nExporting GOOD\n");
    expect(await bench.run("echo $GOOD")).toBe("y\n");
  });

  test("the command file has mode 0600 and is restored when a job deletes its directory", async () => {
    await using bench = await open();
    const { directory } = bench;
    expect(await bench.run(`stat -c %a ${directory}/command`)).toBe("600\n");
    await bench.run(`rm -rf ${directory}`);
    expect(await bench.run(`stat -c %a ${directory}`)).toBe("700\n");
  });

  test("an injected file with mode 0600 is at no time readable by other users", async () => {
    await using bench = await open();
    const path = join(bench.directory, "key");
    writeFileSync(path, "old", { mode: 0o644 });
    const file = { path, content: Buffer.from("new").toString("base64"), mode: "0600" };
    expect(await bench.executor.injectFiles([file], () => {})).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toBe("new");
  });
});

describe("no process survives the job", () => {
  const escapes = {
    "a background job": "sleep 1000 &",
    nohup: "nohup sleep 1000 >/dev/null 2>&1 &",
    setsid: "setsid sleep 1000 >/dev/null 2>&1 &",
    "a double fork": "(setsid sh -c 'sleep 1000 & exec true' &)",
    "a program without its environment": "env -i setsid sleep 1000 &",
    "a program that ignores SIGTERM": "setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 0.1; done' &",
  };
  for (const [name, command] of Object.entries(escapes)) {
    test(`not ${name}`, async () => {
      const bench = await open({ stopGraceMs: 100 });
      await bench.run(`exec 9>"${bench.directory}/held"; ${command}\nsleep 0.2`);
      expect(holders(join(bench.directory, "held"))).not.toEqual([]);
      await bench.executor[Symbol.asyncDispose]();
      expect(holders(join(bench.directory, "held"))).toEqual([]);
      expect(bench.logs().filter((line) => line.includes("which the job had left running"))).not.toEqual([]);
      await bench[Symbol.asyncDispose]();
    });
  }

  test("except a daemon in keep-processes, which is logged", async () => {
    const daemon = `sleep ${5000 + Math.random()}`;
    await using bench = await open({}, [`*${daemon}*`]);
    await bench.run(`setsid ${daemon} >/dev/null 2>&1 & disown; sleep 0.2`);
    const pid = Number(await bench.run(`pgrep -f '^${daemon}$'`));
    expect(pid).toBeGreaterThan(1);
    await bench.executor[Symbol.asyncDispose]();
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    expect(bench.logs()).toContain(`left "${daemon}" running, as configured by keep-processes`);
    process.kill(pid, "SIGKILL");
  });
});

test("output between two commands that cannot be stored is reported in the log of the job and of the agent", async () => {
  await using bench = await open();
  const { directory } = bench;
  await bench.run(
    `mkdir "${directory}/overflow"; (until [ -e "${directory}/go" ]; do sleep 0.02; done; yes | head -c 8000000; echo >"${directory}/flooded") & disown`,
  );
  writeFileSync(join(directory, "go"), "");
  while (!existsSync(join(directory, "flooded"))) await Bun.sleep(20);
  expect(await bench.run("echo now")).toMatch(
    /^\n\[signalman: \d+ bytes of output between two commands were dropped: EEXIST: .*\]\nnow\n$/,
  );
  await bench.executor[Symbol.asyncDispose]();
  expect(bench.logs()).toContain("output between two commands was dropped");
});

/** Starts an executor in a home of its own. */
async function open(options: { stopGraceMs?: number } = {}, keepProcesses: string[] = []) {
  const home = await tmpdir();
  const logger = createRecordingLogger();
  const base = executorContext(home.path);
  const executor: Executor = create(
    {
      ...base,
      logger,
      environment: { ...base.environment, HOME: home.path },
      options: { ...base.options, stopGraceMs: options.stopGraceMs ?? 1000 },
    },
    keepProcesses,
  );
  expect(await executor.start(new AbortController().signal)).toBe(0);
  return {
    executor,
    directory: home.path,
    logs: () => logger.entries.map(({ message }) => message),
    async run(directive: string): Promise<string> {
      let text = "";
      await executor.run(directive, (chunk) => (text += Buffer.from(chunk as Uint8Array).toString()));
      return text;
    },
    async [Symbol.asyncDispose]() {
      await executor[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

/**
 * Returns the pids of all processes that hold this file open, including those that left their parent, session
 * and environment.
 */
function holders(path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => {
          try {
            return statSync(`/proc/${pid}/fd/${fd}`).ino === statSync(path).ino;
          } catch {
            return false;
          }
        });
      } catch {
        return false;
      }
    })
    .map(Number);
}

test("the job's variables reach later login shells when the login profile sources them", async () => {
  await using home = await tmpdir();
  writeFileSync(join(home.path, ".profile"), "export FROM_PROFILE=yes\n");
  const base = executorContext(home.path);
  const context = { ...base, environment: { ...base.environment, HOME: home.path } };
  await using executor = createShellExecutor(context, {
    startTimeoutMs: 10_000,
    keepProcesses: [],
    sourcesInProfile: true,
  });
  await executor.start(new AbortController().signal);
  expect(await executor.exportEnvironment([environmentVariable("GREETING", "hello")], () => {})).toBe(0);
  const login = () =>
    Bun.spawnSync(["bash", "--login", "-c", "echo $GREETING $FROM_PROFILE"], { env: { HOME: home.path } });
  expect(login().stdout.toString()).toBe("hello yes\n");
  await executor[Symbol.asyncDispose]();
  expect(login().stdout.toString()).toBe("yes\n");
  expect(login().stderr.toString()).toBe("");
});
