import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync } from "node:fs";
import { join } from "node:path";
import { listPids, readArguments } from "../../../../src/os/processes/proc.ts";
import { tmpdir } from "../../../../src/testing/index.ts";

const source = join(import.meta.dir, "../../../../src");

/** Starts a program whose stderr is a full pipe without a reader. */
const fullPipe = ["sh", "-c", 'mkfifo "$0" && exec 9<>"$0" && head -c 65536 /dev/zero >&9 && exec "$@" 2>&9'];

/** Runs a program that is watched. */
async function run(
  body: string,
  { hasFullPipe = false, sticky }: { hasFullPipe?: boolean; sticky?: { owner: number } } = {},
) {
  await using directory = await tmpdir();
  const log = join(directory.path, "agent_log");
  await Bun.write(log, "");
  const file = join(directory.path, "main.ts");
  if (sticky) {
    chownSync(directory.path, sticky.owner, sticky.owner);
    chmodSync(directory.path, 0o1777);
  }
  await Bun.write(
    file,
    `import { rmSync } from "node:fs";
     import { startLoopWatch } from "${source}/os/this-process/watchdog/loop-watch.ts";
     import { createRecordingLogger } from "${source}/testing/loggers.ts";
     const log = { path: ${JSON.stringify(log)}, format: "json" } as const;
     const watch = startLoopWatch({ limitMs: 400, mode: "always", log, logger: createRecordingLogger() });
     ${body}`,
  );
  const prefix = hasFullPipe ? [...fullPipe, join(directory.path, "pipe")] : [];
  const child = Bun.spawn([...prefix, process.execPath, file], { stdout: "pipe", stderr: "pipe" });
  const [stderr] = await Promise.all([child.stderr.text(), child.exited]);
  return {
    pid: child.pid,
    signal: child.signalCode,
    code: child.exitCode,
    stderr,
    log: existsSync(log) ? await Bun.file(log).text() : "no log",
  };
}

/** Whether the watcher of a process runs: a shell with the pid among its arguments. */
const isAlive = (pid: number) =>
  listPids().some((each) => readArguments(each).slice(3, 5).join(" ") === `signalman-watch ${pid}`);

test("a process whose event loop stands still is killed, and the report names the open hook", async () => {
  const end = await run(
    `const left = watch.enter("early", "agent:start"); left(); watch.enter("bad", "agent:synced"); for (;;);`,
  );
  expect(end.signal).toBe("SIGKILL");
  expect(end.stderr).toContain("the event loop stood still for 0.4 s");
  expect(JSON.parse(end.log)).toMatchObject({
    level: "error",
    message: expect.stringContaining("(plugin bad in agent:synced)"),
  });
});

test("a process whose stderr is a full pipe is killed as well, and its watcher exits", async () => {
  const end = await run(`watch.enter("bad", "agent:synced"); for (;;);`, { hasFullPipe: true });
  expect(end.signal).toBe("SIGKILL");
  while (isAlive(end.pid)) await Bun.sleep(20);
  expect(end.log).toContain("(plugin bad in agent:synced)");
});

test("the report creates a log that was rotated or removed", async () => {
  const end = await run(`rmSync(log.path); watch.enter("bad", "agent:synced"); for (;;);`);
  expect(end.log).toContain("(plugin bad in agent:synced)");
});

test.skipIf(process.getuid?.() !== 0)(
  "the report creates no log in a directory of another user with the sticky bit (needs root)",
  async () => {
    const body = `rmSync(log.path); watch.enter("bad", "agent:synced"); for (;;);`;
    const end = await run(body, { sticky: { owner: 4321 } });
    expect(end).toMatchObject({ signal: "SIGKILL", log: "no log" });
    expect(end.stderr).toContain("(plugin bad in agent:synced)");
  },
);

test("a process whose event loop runs is not killed", async () => {
  const end = await run(`await Bun.sleep(1500); watch[Symbol.dispose](); process.exit(3);`);
  expect(end).toMatchObject({ signal: null, code: 3, stderr: "", log: "" });
});
