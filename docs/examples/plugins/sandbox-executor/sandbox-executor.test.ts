import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecutorContext } from "signalman";
import {
  createRecordingLogger,
  environmentVariable,
  executorContext,
  testExecutor,
  testPlugin,
  tmpdir,
} from "signalman/testing";
import type { SandboxConfig } from "./config.ts";
import plugin from "./index.ts";
import { createSandboxExecutor } from "./sandbox.ts";

const defaults: SandboxConfig = {
  network: true,
  "read-only": [],
  writable: [],
  hide: [],
  "start-timeout": 10,
};

/** Whether bubblewrap is installed and this user may create namespaces. */
const canSandbox =
  Bun.which("bwrap") !== null &&
  Bun.spawnSync([
    "bwrap",
    "--unshare-user",
    "--unshare-pid",
    "--ro-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "true",
  ]).exitCode === 0;

test("the plugin provides the executor", async () => {
  await using t = await testPlugin(plugin);
  expect(t.services).toEqual([{ service: "executor", name: "sandbox" }]);
  await expect(testPlugin(plugin, { config: { writable: ["cache"] } })).rejects.toThrow(
    "begins with / or ~/",
  );
});

test("without bubblewrap the job cannot start, and the error names it", async () => {
  await using directory = await tmpdir();
  const context = executorContext(directory.path, { environment: { PATH: "/nowhere" } });
  await using executor = createSandboxExecutor(context, defaults);
  await expect(executor.start(new AbortController().signal)).rejects.toThrow("install bubblewrap");
});

describe.skipIf(!canSandbox)("in the sandbox", () => {
  const create = (context: ExecutorContext) => createSandboxExecutor(context, defaults);
  testExecutor({
    name: "sandbox",
    create,
    createBroken: (context) =>
      create({ ...context, environment: { ...context.environment, PATH: "/nowhere" } }),
  });

  test("a further session has no capabilities and sees no more of the host", async () => {
    await using bench = await open();
    const { signal } = new AbortController();
    await using side = await bench.executor.openSession!({ signal });
    const text: string[] = [];
    const print =
      "grep CapEff /proc/self/status; ls /home /root /srv /var/lib 2>/dev/null; touch /usr/x 2>&1";
    await side.run(print, (chunk) => void text.push(Buffer.from(chunk as Uint8Array).toString()));
    expect(text.join("").replaceAll("\r", "")).toMatch(
      /^CapEff:\t0000000000000000\ntouch: .*Read-only file system\n$/,
    );
  });

  test("only the system of the host is visible, and it is read-only", async () => {
    await using bench = await open();
    const places = ["/", "/usr", "/etc", "/run/signalman"];
    for (const place of places)
      expect(await bench.run(`touch ${place}/x`)).toContain("Read-only file system");
    expect(await bench.run("grep ' /proc/sys ' /proc/self/mounts")).toContain(" ro,");
    expect(await bench.run("ls -A ~")).toBe("");
    expect(await bench.run("ls /home /root /srv /var/lib 2>/dev/null; ls /run")).toBe("signalman\n");
    expect(await bench.run("grep CapEff /proc/self/status; id -u")).toBe(
      `CapEff:\t0000000000000000\n${process.getuid!()}\n`,
    );
  });

  test("the job has a writable home and /tmp, which are below its directory on the host", async () => {
    await using bench = await open();
    expect(await bench.run("pwd; echo one > ~/file; echo two > $TMPDIR/file")).toBe(`${bench.home}\n`);
    expect(await readFile(join(bench.directory, "home/file"), "utf8")).toBe("one\n");
    expect(await readFile(join(bench.directory, "tmp/file"), "utf8")).toBe("two\n");
    expect(readdirSync(bench.home)).toEqual([".bash_profile"]);
  });

  test("no process of the host is visible", async () => {
    await using bench = await open();
    expect(
      await bench.run(`kill -0 ${process.pid}; cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c "[b]un"`),
    ).toMatch(/No such process\n0\n$/);
  });

  test("the network is the host's, or loopback only", async () => {
    using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const connect = `(exec 3<>/dev/tcp/127.0.0.1/${server.port}) 2>/dev/null && echo through || echo no way`;
    await using online = await open();
    expect(await online.run(connect)).toBe("through\n");
    await using offline = await open({ network: false });
    expect(await offline.run(connect)).toBe("no way\n");
    expect(await offline.run("grep -c : /proc/net/dev")).toBe("1\n");
  });

  test("additional paths are readable, writable or hidden", async () => {
    await using place = await tmpdir();
    for (const name of ["tools", "cache", "tools/secret"]) await mkdir(join(place.path, name));
    await writeFile(join(place.path, "tools/token"), "hush");
    const [tools, cache] = [join(place.path, "tools"), join(place.path, "cache")];
    await using bench = await open({
      "read-only": [tools, "~/.bash_profile"],
      writable: [cache],
      hide: [join(tools, "secret"), join(tools, "token"), join(tools, "never there")],
    });
    expect(await bench.run(`touch ${tools}/x`)).toContain("Read-only file system");
    expect(await bench.run(`cat ~/.bash_profile; echo kept > ${cache}/x`)).toBe("true\n");
    expect(await readFile(join(cache, "x"), "utf8")).toBe("kept\n");
    await writeFile(join(place.path, "tools/secret/x"), "hush");
    expect(await bench.run(`ls ${tools}/secret; cat ${tools}/token 2>/dev/null`)).toBe("");
  });

  test("a login profile that hangs is an error, and its processes are ended", async () => {
    const time = uniqueTime();
    await expect(
      open({ "start-timeout": 0.3, "read-only": ["~/.bash_profile"] }, `sleep ${time}\n`),
    ).rejects.toThrow("the login shell was not ready after 0.3 s");
    expect(living(time)).toEqual([]);
  });

  test("a missing additional path is named in the error", async () => {
    await expect(open({ "read-only": ["/nowhere/at/all"] })).rejects.toThrow("/nowhere/at/all");
  });

  test("a file of the request is written inside the sandbox, never through a link to the outside", async () => {
    await using bench = await open();
    await using outside = await tmpdir();
    await bench.run(
      `ln -s ${outside.path}/target ~/link; ln -s ${outside.path} ~/folder; mkdir -p ${outside.path}`,
    );
    const content = Buffer.from("x").toString("base64");
    const inject = (path: string) => bench.executor.injectFiles([{ path, content, mode: "0600" }], () => {});
    expect(await inject("~/link")).toBe(0);
    expect(await inject("folder/file")).toBe(0);
    expect(readdirSync(outside.path)).toEqual([]);
    expect(await bench.run(`cat ~/link ${outside.path}/file`)).toBe("xx");
  });

  test("variables are passed in a file that is removed at once", async () => {
    await using bench = await open();
    await bench.executor.exportEnvironment([environmentVariable("SECRET_THING", "hush hush")], () => {});
    expect(await bench.run("echo $SECRET_THING; ls /run/signalman")).toBe("hush hush\ncommand\n");
  });

  test.each([
    ["a background process", "sleep TIME &"],
    ["a process in its own session", "setsid sleep TIME >/dev/null 2>&1 &"],
    ["a double fork", "(setsid sh -c 'sleep TIME & exec true' &)"],
    ["a program without its environment", "env -i setsid sleep TIME &"],
    ["a program that ignores SIGTERM", "setsid sh -c 'trap \"\" TERM HUP; while :; do sleep TIME; done' &"],
    ["a directory that its owner cannot empty", "mkdir -p ~/mod/x && touch ~/mod/x/y && chmod -R a-w ~/mod"],
  ])("%s does not survive the job", async (_, command) => {
    const time = uniqueTime();
    const bench = await open();
    await bench.run(`${command.replaceAll("TIME", time)}\nsleep 0.1`);
    if (command.includes("TIME")) expect(living(time)).not.toEqual([]);
    await bench.executor[Symbol.asyncDispose]();
    expect(living(time)).toEqual([]);
    expect(readdirSync(bench.directory).filter((name) => name !== "overflow")).toEqual([]);
    if (command.includes("TIME")) {
      expect(bench.logs().filter((line) => line.includes("which the job had left running"))).not.toEqual([]);
    }
    await bench[Symbol.asyncDispose]();
  });
});

/** Starts an executor. `home` is the agent's home directory. */
async function open(options: Partial<SandboxConfig> = {}, profile = "true\n") {
  const place = await tmpdir();
  const [directory, home] = [join(place.path, "job"), join(place.path, "home")];
  for (const path of [directory, home]) await mkdir(path);
  await writeFile(join(home, ".bash_profile"), profile);
  const logger = createRecordingLogger();
  const base = executorContext(directory);
  const executor = createSandboxExecutor(
    {
      ...base,
      hostPaths: [],
      logger,
      environment: { ...base.environment, HOME: home },
      options: { ...base.options, stopGraceMs: 200 },
    },
    { ...defaults, ...options },
  );
  const bench = {
    executor,
    directory,
    home,
    logs: () => logger.entries.map(({ message }) => message),
    async run(directive: string): Promise<string> {
      let text = "";
      await executor.run(directive, (chunk) => (text += Buffer.from(chunk as Uint8Array).toString()));
      return text;
    },
    async [Symbol.asyncDispose]() {
      await executor[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
  try {
    expect(await executor.start(new AbortController().signal)).toBe(0);
    return bench;
  } catch (error) {
    await bench[Symbol.asyncDispose]();
    throw error;
  }
}

/** Returns a duration for `sleep` that no other process of this machine uses. */
function uniqueTime(): string {
  return `3600.${Math.floor(Math.random() * 1e12)}`;
}

/** Returns the command lines of running processes that contain the word. */
function living(word: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && existsSync(`/proc/${pid}/cmdline`))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(word));
}
