import { afterAll, describe, expect, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { executorWrapper, type Plugin } from "signalman";
import {
  builtIn,
  createJobExecutor,
  executorContext,
  testExecutor,
  testPlugin,
  tmpdir,
} from "signalman/testing";
import bubblewrap from "./bubblewrap.ts";
import nice from "./nice.ts";
import recorder from "./recorder.ts";

const shell = await builtIn("shell");

/** Whether bubblewrap is installed and this user may create namespaces. */
const canSandbox =
  Bun.which("bwrap") !== null && Bun.spawnSync(["bwrap", "--ro-bind", "/", "/", "true"]).exitCode === 0;

describe.skipIf(!canSandbox)("bubblewrap behind nice", async () => {
  const t = await testPlugin(bubblewrap, { with: [shell, nice as Plugin] });
  afterAll(() => t[Symbol.asyncDispose]());
  testExecutor({
    name: "shell",
    create: (context) => createJobExecutor(t, "shell", context),
    // Other users get a sandbox in a user namespace, from which the processes of another one cannot be read.
    seesSession: process.getuid?.() === 0,
  });

  test("shows the host read-only, without its temporary files", async () => {
    await using place = await tmpdir();
    await using session = await start(t);
    expect(await session.run("touch /etc/never")).toContain("Read-only file system");
    expect(await session.run(`ls '${place.path}'; nice`)).toMatch(/No such file or directory\n10\n$/);
  });

  test("holds root", async () => {
    await using session = await start(t);
    expect(await session.run("mount -o remount,rw / && touch /etc/never")).not.toBe("");
    expect(await session.run("test -e /etc/never || echo missing")).toBe("missing\n");
    expect(await session.run("grep CapEff /proc/self/status")).toMatch(/\t0+\n$/);
    expect(await session.run("test -w /proc/sys/kernel/core_pattern || echo denied")).toBe("denied\n");
    expect(await session.run("ls -A /run | grep -v systemd")).not.toMatch(/sock|dbus/);
    expect(await session.run("ls /proc/1/root")).toContain("Permission denied");
  });
});

test("bubblewrap hides the state directory and named directories of the home", async () => {
  await using home = await tmpdir();
  const [state, keys] = [join(home.path, "signalman"), join(home.path, "keys")];
  for (const path of [state, keys]) await mkdir(path);
  await using t = await testPlugin(bubblewrap, { config: { hide: [keys, join(home.path, "absent")] } });
  const environment = { HOME: home.path, XDG_STATE_HOME: home.path };
  const job = join(state, "job");
  const context = executorContext("/the/job", { environment, hostPaths: [{ path: job, isWritten: false }] });
  const words = t.use(executorWrapper, "bubblewrap").commandPrefix?.(context).join(" ");
  expect(words).toEndWith(
    `--bind ${home.path} ${home.path} --tmpfs ${state} --tmpfs ${keys} --ro-bind ${job} ${job} --`,
  );
});

test("the recorder writes commands and exit codes", async () => {
  await using place = await tmpdir();
  const file = join(place.path, "commands.txt");
  await using t = await testPlugin(recorder, { with: [shell], config: { file } });
  await using session = await start(t);
  await session.run("(exit 3)");
  expect(await readFile(file, "utf8")).toBe("a job: 3 (exit 3)\n");
});

async function start(t: Parameters<typeof createJobExecutor>[0]) {
  const directory = await tmpdir();
  const executor = createJobExecutor(t, "shell", executorContext(directory.path));
  expect(await executor.start(new AbortController().signal)).toBe(0);
  return {
    executor,
    async run(directive: string): Promise<string> {
      let text = "";
      await executor.run(directive, (chunk) => (text += Buffer.from(chunk as Uint8Array).toString()));
      return text.replaceAll("\r", "");
    },
    async [Symbol.asyncDispose]() {
      await executor[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}
