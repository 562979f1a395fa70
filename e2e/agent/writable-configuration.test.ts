import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, rename, symlink } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, type Finished, type StartOptions, type Tester } from "../support/fixtures.ts";
import { canUnshare, mountNamespace, needsNamespace } from "../support/isolation.ts";
import { isRoot, needsRoot, programOf, users } from "../support/users.ts";

/** A tester in whose home a user runs the binary, with a directory of its own for configuration. */
interface Scene extends AsyncDisposable {
  readonly tester: Tester;
  readonly directory: string;
  write(file: string, text: string, mode?: number): Promise<string>;
  run(args: readonly string[], options?: StartOptions): Promise<Finished>;
  /** Starts an agent, which cannot reach its control plane. */
  start(args: readonly string[], options?: StartOptions): Promise<Finished>;
}

async function createScene(as: readonly string[]): Promise<Scene> {
  const tester = await createTester();
  const program = await programOf(tester, as);
  const directory = path.join(tester.home, "configuration");
  await mkdir(directory, { mode: 0o755 });
  const run: Scene["run"] = (args, options) => tester.run(args, { program, ...options });
  const place = ["--endpoint", "127.0.0.1:1", "--no-https", "--register-attempts", "1"];
  return {
    tester,
    directory,
    write: (file, text, mode) => tester.write(path.join("configuration", file), text, mode),
    run,
    start: (args, options) =>
      run(["start", ...place, ...args], { ...options, env: { SEMAPHORE_AGENT_TOKEN: "t", ...options?.env } }),
    [Symbol.asyncDispose]: () => tester[Symbol.asyncDispose](),
  };
}

/** The agent has accepted its configuration. */
const reachesPlane = (end: Finished) => `${end.stdout}${end.stderr}`.includes("Registering Agent");
const allow = "--allow-writable-configuration";

describe.each(users)("an agent of $user", ({ as }) => {
  test.concurrent.each([
    ["every user may write", 0o666, 0o755],
    ["is in a directory that every user may write", 0o644, 0o777],
  ])(
    "refuses a configuration file that %s, by name, unless an option allows it",
    async (_, mode, directoryMode) => {
      await using scene = await createScene(as);
      const file = await scene.write("config.ts", 'console.log("executed"); export default {};', mode);
      await chmod(scene.directory, directoryMode);
      const [culprit, shown] = mode === 0o666 ? [file, "0666"] : [scene.directory, "0777"];
      const { exitCode, stdout, stderr } = await scene.start(["--config-file", file]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`configuration file "${file}" can be changed by users other than root`);
      const reason = `every user may write to "${culprit}" (owner ${process.getuid!()}, mode ${shown})`;
      expect(stderr).toContain(reason);
      expect(stderr).toContain(`chmod go-w ${culprit}`);
      expect(stdout).not.toContain("executed");
      expect(reachesPlane({ exitCode, stdout, stderr })).toBeFalse();

      const doctor = await scene.run(["doctor", "--json", "--config-file", file]);
      expect(doctor.stdout).toContain(`configuration file \\"${file}\\" can be changed`);
      expect(doctor.stdout).not.toContain("executed");

      const allowed = await scene.start(["--config-file", file, allow]);
      expect(allowed.stdout).toContain("executed");
      expect(reachesPlane(allowed)).toBeTrue();
      const variable = { env: { SEMAPHORE_AGENT_ALLOW_WRITABLE_CONFIGURATION: "true" } };
      expect(reachesPlane(await scene.start(["--config-file", file], variable))).toBeTrue();
      const warned = await scene.run(["doctor", "--config-file", file, allow]);
      expect(warned.stdout).toContain("allow-writable-configuration is set");
    },
  );

  test.concurrent("refuses a file that is extended, a link, and the target of a link", async () => {
    await using scene = await createScene(as);
    await scene.write("base.yaml", "log-level: info\n", 0o666);
    const extending = await scene.write("config.yaml", "extends: ./base.yaml\n");
    expect((await scene.start(["--config-file", extending])).stderr).toContain(
      `configuration file "${scene.directory}/base.yaml" can be changed`,
    );
    const open = path.join(scene.tester.home, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    const file = await scene.write("good.yaml", "log-level: info\n");
    expect(reachesPlane(await scene.start(["--config-file", file]))).toBeTrue();
    await symlink(file, path.join(open, "link.yaml"));
    expect((await scene.start(["--config-file", "open/link.yaml"])).stderr).toContain(`to "${open}"`);
    await rename(file, path.join(open, "moved.yaml"));
    await symlink(path.join(open, "moved.yaml"), file);
    expect((await scene.start(["--config-file", file])).stderr).toContain(`to "${open}"`);
  });

  test.concurrent("refuses a plugin that can be changed, or whose imports can, before any of it is executed", async () => {
    await using scene = await createScene(as);
    const plugin = (name: string, imported: string) =>
      `import "${imported}"; console.log("executed"); export default { name: "${name}", setup() {} };`;
    await scene.write("lib.ts", 'console.log("executed");\n', 0o666);
    await scene.write("importing.ts", plugin("importing", "./lib.ts"));
    await scene.write("writable.ts", plugin("writable", "node:fs"), 0o666);
    await scene.write("node_modules/packaged/package.json", '{"name":"packaged","main":"main.js"}');
    await scene.write("node_modules/packaged/main.js", plugin("packaged", "dependency"));
    await scene.write(
      "node_modules/dependency/package.json",
      '{"name":"dependency","main":"main.js"}',
      0o666,
    );
    await scene.write("node_modules/dependency/main.js", 'console.log("executed");\n');
    for (const [key, culprit] of [
      ["./importing.ts", "lib.ts"],
      ["./writable.ts", "writable.ts"],
      ["packaged", "node_modules/dependency/package.json"],
    ]) {
      const file = await scene.write("config.yaml", `plugins: { ${key}: {} }\n`);
      const { exitCode, stdout, stderr } = await scene.start(["--config-file", file]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`plugin "${key}"`);
      expect(stderr).toContain(`every user may write to "${scene.directory}/${culprit}"`);
      expect(stdout).not.toContain("executed");
      const listed = await scene.run(["plugins", "--config-file", file]);
      expect(listed.stdout).toContain("executed");
    }
  });

  test.concurrent("refuses the scripts of hooks that can be changed, all of them at once", async () => {
    await using scene = await createScene(as);
    const { home } = scene.tester;
    for (const name of ["shutdown.sh", "pre.sh", "post.sh"]) await scene.tester.write(name, "true\n", 0o646);
    const args = ["--shutdown-hook-path", "shutdown.sh", "--pre-job-hook-path", "~/pre.sh"];
    const { exitCode, stderr } = await scene.start([...args, "--post-job-hook-path", `${home}/post.sh`]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`script "shutdown.sh" of "shutdown-hook-path" can be changed`);
    expect(stderr).toContain(`script "~/pre.sh" of "pre-job-hook-path" can be changed`);
    expect(stderr).toContain(`script "${home}/post.sh" of "post-job-hook-path" can be changed`);
    const serve = ["serve", "--auth-token-secret", "s", "--pre-job-hook-path", `${home}/pre.sh`];
    expect((await scene.run(serve)).stderr).toContain(`every user may write to "${home}/pre.sh"`);
    for (const name of ["shutdown.sh", "pre.sh"]) await chmod(path.join(home, name), 0o644);
    expect(reachesPlane(await scene.start(args))).toBeTrue();
  });

  test.concurrent("refuses the file in a working directory where its jobs can write, and executes none of it", async () => {
    await using scene = await createScene(as);
    const file = await scene.tester.write(
      "signalman.config.ts",
      'console.log("executed"); export default {};',
    );
    const { exitCode, stdout, stderr } = await scene.start([]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`configuration file "${file}" was found in the working directory`);
    expect(stderr).toContain("name it with --config-file");
    expect(stdout).not.toContain("executed");
    expect((await scene.run(["doctor"])).stdout).toContain(`configuration file "${file}" was found`);
    expect((await scene.start(["--config-file", file])).stdout).toContain("executed");
    expect((await scene.run(["config"])).stdout).toContain("executed");
  });

  test.concurrent("takes the file of $CONFIGURATION_DIRECTORY, and so do logs and status, before that in the working directory", async () => {
    await using scene = await createScene(as);
    await scene.tester.write("signalman.config.yaml", "log-level: here\n");
    await scene.write("config.yaml", "log-level: there\n");
    const env = { CONFIGURATION_DIRECTORY: `/nowhere:${scene.directory}` };
    for (const command of ["start", "doctor", "logs", "status"]) {
      const { stdout, stderr } = await scene.run([command], { env });
      expect({ command, output: stdout + stderr }).toEqual({
        command,
        output: expect.stringContaining('received "there"'),
      });
    }
    expect((await scene.run(["config"], { env })).stderr).toContain('received "here"');
  });

  test.concurrent("run works in a directory that every user may write, and with its configuration", async () => {
    await using scene = await createScene(as);
    await chmod(scene.directory, 0o777);
    await scene.write("signalman.config.yaml", "env-vars: [WHO=configured]\n", 0o666);
    const job = await scene.write("job.json", JSON.stringify({ commands: ["echo $WHO"] }), 0o666);
    const { exitCode, stdout } = await scene.run(["run", job], { cwd: scene.directory });
    expect(stdout).toContain("configured\n");
    expect(exitCode).toBe(0);
  });
});

describe("the working directory of an agent of an ordinary user", () => {
  test.skipIf(!isRoot)(`may hold its configuration when only root can write there${needsRoot}`, async () => {
    await using scene = await createScene(users.at(-1)!.as);
    // The home belongs to the agent's user; only above it is everything root's.
    const cwd = path.join(path.dirname(scene.tester.home), "root");
    await mkdir(cwd, { mode: 0o755 });
    await rename(
      await scene.tester.write("signalman.config.yaml", "log-level: debug\n"),
      `${cwd}/signalman.config.yaml`,
    );
    expect(reachesPlane(await scene.start([], { cwd }))).toBeTrue();
    await chown(cwd, 65_534, 0);
    expect((await scene.start([], { cwd })).stderr).toContain(`"${cwd}" belongs to user 65534 (mode 0755)`);
  });
});

describe("a read-only mount", () => {
  test.skipIf(!canUnshare)(
    `cannot be written, as the volumes of configuration in a pod${needsNamespace}`,
    async () => {
      await using scene = await createScene([]);
      const file = await scene.write("config.yaml", "log-level: info\n", 0o666);
      await chmod(scene.directory, 0o777);
      const mount = `mount --bind "$0" "$0" && $1 && shift && exec "$@"`;
      const start = (command: string) => {
        const program = [...mountNamespace, "sh", "-c", mount, scene.directory, command, binary];
        return scene.start(["--config-file", file], { program });
      };
      expect(reachesPlane(await start(`mount -o remount,bind,ro ${scene.directory}`))).toBeTrue();
      expect((await start("true")).stderr).toContain(`every user may write to "${scene.directory}"`);
    },
  );
});

describe("/etc/signalman", () => {
  test.skipIf(!canUnshare)(
    `is where an agent looks before the working directory${needsNamespace}`,
    async () => {
      await using scene = await createScene([]);
      await scene.tester.write("signalman.config.yaml", "log-level: here\n");
      await scene.write("signalman/config.yaml", "log-level: etc\n");
      const mount = `cp -a /etc/passwd /etc/group "$0" && mount --bind "$0" /etc && exec "$@"`;
      const program = [
        ...mountNamespace,
        "sh",
        "-c",
        mount,
        scene.directory,
        ...(await programOf(scene.tester, [])),
      ];
      expect(existsSync("/etc/signalman")).toBeFalse();
      expect((await scene.start([], { program })).stderr).toContain('received "etc"');
      expect((await scene.run(["logs"], { program })).stderr).toContain('received "etc"');
      expect((await scene.run(["config"], { program })).stderr).toContain('received "here"');
    },
  );
});
