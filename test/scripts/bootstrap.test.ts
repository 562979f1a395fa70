import { describe, expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { root } from "../project.ts";

// Set-up also works with Bun alone, for machines without Node.
const runtimes = [process.execPath, Bun.which("node")].filter((file) => file !== null);

const task = {
  exit: "process.exit(7)",
  kill: 'process.kill(process.pid, "SIGKILL")',
  arguments: "console.log(JSON.stringify(process.argv.slice(2)))",
  path: 'console.log(Bun.which("bun") !== null, (await Bun.$`bun --version`.text()).trim())',
  wait: 'process.on("SIGTERM", () => process.exit(9)); console.log("ready"); setInterval(() => {}, 1000)',
  // A second signal would arrive at once.
  count: `let count = 0; setInterval(() => {}, 1000);
    process.on("SIGINT", () => { count += 1; setTimeout(() => { console.log("signals: " + count); process.exit(0); }, 200); });
    console.log("ready");`,
};

describe.each(runtimes.map((file) => [path.basename(file), file]))("set-up with %s", (_, runtime) => {
  test("installs the dependencies once with a message, and then prints nothing", async () => {
    await using project = await createProject();
    const first = await project.run(runtime, ["arguments.ts"]);
    expect(first).toEqual({ exitCode: 0, stdout: "[]\n", stderr: "set-up: installing dependencies\n" });
    const second = await project.run(runtime, ["arguments.ts"]);
    expect(second).toEqual({ exitCode: 0, stdout: "[]\n", stderr: "" });
  });

  test("installs them again after a change of package.json", async () => {
    await using project = await createProject();
    await project.run(runtime, []);
    await project.write("package.json", project.packageJson({ description: "changed" }));
    expect((await project.run(runtime, [])).stderr).toBe("set-up: installing dependencies\n");
  });

  test("reports a remedy when package.json and bun.lock do not match", async () => {
    await using project = await createProject();
    await project.write("package.json", project.packageJson({ dependencies: {} }));
    const { exitCode, stdout, stderr } = await project.run(runtime, ["arguments.ts"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("run `bun install` to update bun.lock");
  });

  test("passes arguments with any characters to the task", async () => {
    await using project = await createProject();
    const { stdout } = await project.run(runtime, ["arguments.ts", "a b", "", "--flag", "$HOME", "'\""]);
    expect(JSON.parse(stdout)).toEqual(["a b", "", "--flag", "$HOME", "'\""]);
  });

  test("adds the required bun to the task's PATH", async () => {
    await using project = await createProject();
    expect((await project.run(runtime, ["path.ts"])).stdout).toBe(`true ${Bun.version}\n`);
  });

  test("exits with the status of the task", async () => {
    await using project = await createProject();
    expect((await project.run(runtime, ["exit.ts"])).exitCode).toBe(7);
    expect((await project.run(runtime, ["kill.ts"])).exitCode).toBe(128 + 9);
  });

  test("forwards a signal", async () => {
    await using project = await createProject();
    const child = project.start(runtime, ["wait.ts"]);
    await readUntil(child.stdout, "ready");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(9);
  });

  test("handles signals before the task starts, so that none of them ends only the set-up", async () => {
    await using project = await createProject();
    await project.run(runtime, []);
    await project.write(
      "on-spawn.cjs",
      `const { spawn } = require("node:child_process");
       require("node:child_process").spawn = (...call) => {
         console.log(["SIGINT", "SIGTERM"].map((signal) => process.listenerCount(signal)).join());
         return spawn(...call);
       };`,
    );
    const child = Bun.spawn(
      [runtime, "--require", "./on-spawn.cjs", "scripts/bootstrap.mjs", "arguments.ts"],
      {
        cwd: project.path,
        env: project.env,
      },
    );
    expect(await child.stdout.text()).toBe("1,1\n[]\n");
  });

  test("does not send the terminal's Ctrl-C twice", async () => {
    await using project = await createProject();
    await project.run(runtime, []);
    let output = "";
    const child = Bun.spawn([runtime, "scripts/bootstrap.mjs", "count.ts"], {
      cwd: project.path,
      env: project.env,
      terminal: {
        data(terminal, bytes) {
          const wasReady = output.includes("ready");
          output += new TextDecoder().decode(bytes);
          if (!wasReady && output.includes("ready")) terminal.write("\x03");
        },
      },
    });
    expect(await child.exited).toBe(0);
    expect(output).toContain("signals: 1\r\n");
    child.terminal!.close();
  });

  test("removes the lock of a dead set-up", async () => {
    await using project = await createProject();
    const dead = Bun.spawn(["true"]);
    await dead.exited;
    await project.write(".toolchain/lock", String(dead.pid));
    const { exitCode, stderr } = await project.run(runtime, ["arguments.ts"]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      "set-up: waiting for another set-up to finish\nset-up: installing dependencies\n",
    );
    expect(await readdir(path.join(project.path, ".toolchain"))).toEqual([]);
  });

  test("installs once when started several times at once", async () => {
    await using project = await createProject();
    const all = await Promise.all(
      ["a", "b", "c"].map((name) => project.run(runtime, ["arguments.ts", name])),
    );
    expect(all.map(({ stdout }) => stdout)).toEqual(['["a"]\n', '["b"]\n', '["c"]\n']);
    expect(
      all
        .map(({ stderr }) => stderr)
        .join("")
        .match(/installing dependencies/g),
    ).toHaveLength(1);
  });

  test("reports a failed installation of Bun and leaves no incomplete files", async () => {
    await using project = await createProject({ packageManager: "bun@1.999.0" });
    const { exitCode, stderr } = await project.run(runtime, ["arguments.ts"], {
      BUN_CONFIG_REGISTRY: "http://127.0.0.1:9",
      npm_config_registry: "http://127.0.0.1:9",
      npm_config_fetch_retries: "0",
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("set-up: installation of Bun 1.999.0 failed: check the network");
    expect(stderr).toContain("or put Bun 1.999.0 on PATH");
    expect(await readdir(path.join(project.path, ".toolchain"))).toEqual([]);
  });

  test("ignores a bun on PATH that does not start", async () => {
    await using project = await createProject();
    await project.write("broken/bun", 'echo "postinstall was not run"; exit 1\n');
    await chmod(path.join(project.path, "broken/bun"), 0o755);
    const PATH = `${path.join(project.path, "broken")}:${project.env.PATH}`;
    expect((await project.run(runtime, ["path.ts"], { PATH })).stdout).toBe(`true ${Bun.version}\n`);
  });
});

/** Creates a project with the set-up script and one local dependency. */
async function createProject(overrides: Record<string, unknown> = {}) {
  const directory = await tmpdir();
  const env = {
    HOME: path.join(directory.path, "home"),
    PATH: [path.dirname(Bun.which("bun") ?? process.execPath), process.env.PATH].join(":"),
  };
  const packageJson = (more: Record<string, unknown>) =>
    JSON.stringify({
      name: "project",
      packageManager: `bun@${Bun.version}`,
      dependencies: { local: "file:./local" },
      ...overrides,
      ...more,
    });
  const write = (file: string, text: string) => Bun.write(path.join(directory.path, file), text);
  await write("package.json", packageJson({}));
  await write("local/package.json", '{ "name": "local", "version": "1.0.0" }');
  await Bun.$`${process.execPath} install --lockfile-only`.cwd(directory.path).env(env).quiet();
  for (const [name, text] of Object.entries(task)) await write(`${name}.ts`, `${text};\nexport {};\n`);
  for (const file of ["scripts/bootstrap.mjs", "bin/bun.cjs"]) {
    await mkdir(path.join(directory.path, path.dirname(file)), { recursive: true });
    await copyFile(path.join(root, file), path.join(directory.path, file));
  }
  const start = (runtime: string, args: readonly string[], more: Record<string, string> = {}) =>
    Bun.spawn([runtime, "scripts/bootstrap.mjs", ...args], {
      cwd: directory.path,
      env: { ...env, ...more },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  return {
    path: directory.path,
    env,
    packageJson,
    write,
    start,
    async run(...given: Parameters<typeof start>) {
      const child = start(...given);
      const [exitCode, stdout, stderr] = await Promise.all([
        child.exited,
        child.stdout.text(),
        child.stderr.text(),
      ]);
      return { exitCode, stdout, stderr };
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

async function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let output = "";
  while (!output.includes(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`ended without "${text}": ${output}`);
    output += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
}
