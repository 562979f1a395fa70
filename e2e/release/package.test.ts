import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { type Finished, type Tester, createTester, root } from "../support/fixtures.ts";

// The package is packed once and installed by every test.
let directory: string;
let tarball: string;
let files: string[];

beforeAll(async () => {
  directory = await realpath(await mkdtemp(path.join(tmpdir(), "signalman-pack-")));
  await using tester = await createTester();
  const { stdout, stderr, exitCode } = await tester.exec(
    ["npm", "pack", "--json", "--pack-destination", directory],
    {
      cwd: root,
    },
  );
  if (exitCode !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const packed: { filename: string; files: { path: string }[] }[] = Object.values(JSON.parse(stdout));
  tarball = path.join(directory, packed[0]!.filename);
  files = packed[0]!.files.map((file) => file.path);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe("the packed tarball", () => {
  test("contains the program, its plugins and their pages", () => {
    const program = [
      "bin/signalman.cjs",
      "bin/bun.cjs",
      "bin/bunfig.toml",
      "src/main.ts",
      "plugins/index.ts",
    ];
    const sdk = ["src/index.ts", "src/testing/index.ts", "plugins/shell/index.ts"];
    const pages = ["package.json", "LICENSE", "CHANGELOG.md", "plugins/shell/README.md"];
    expect(files).toEqual(expect.arrayContaining(program.concat(sdk, pages)));
  });

  test("contains no tests, test doubles, scripts or builds", () => {
    const areas = new Set(files.map((file) => file.split("/")[0]));
    for (const area of ["test", "e2e", "bench", "scripts", "dist", ".ci"]) expect(areas).not.toContain(area);
    expect(files.filter((file) => file.endsWith(".test.ts"))).toEqual([]);
    expect(files.filter((file) => /^(plugins|docs)\/.*\/testing\//.test(file))).toEqual([]);
  });
});

describe("the installed package", () => {
  test("runs with npx where install scripts are blocked and no Bun is on PATH", async () => {
    await using tester = await createInstalled(npmInstall("--ignore-scripts"));
    // The first start completes the installation of Bun, which the second one uses.
    expect(await versionBy(tester, ["npx", "signalman", "version"])).toBe(packageJson.version);
    expect(await versionBy(tester, ["npx", "signalman", "version"])).toBe(packageJson.version);
  });

  test("exits with the status of the job, and stops it at SIGINT", async () => {
    await using tester = await createInstalled(npmInstall());
    const launcher = path.join(tester.home, "node_modules", ".bin", "signalman");
    const failing = await tester.exec([launcher, "run", "-"], { stdin: "commands: [exit 3]" });
    expect(failing.exitCode).toBe(1);
    expect((await tester.exec([launcher, "no-such-command"])).exitCode).toBe(2);
    const job = await tester.write("job.yaml", "commands: [echo started; sleep 600]");
    const stopped = tester.start(["run", job], { program: [launcher] });
    await stopped.shows("started");
    stopped.kill("SIGINT");
    expect((await stopped.finished).exitCode).toBe(130);

    // The working directory does not configure it.
    await tester.write("bunfig.toml", 'preload = ["./hostile.ts"]\n');
    await tester.write(".env", "LEAK=hostile\n");
    await tester.write("hostile.ts", 'console.log("hostile");\n');
    const { stdout, stderr } = await tester.exec(["npx", "signalman", "run", "-"], {
      stdin: 'commands: ["env"]',
    });
    expect(stdout).toContain("HOME=");
    expect(stdout + stderr).not.toContain("hostile");
  });

  test("runs with the Bun on PATH when the optional dependency is not installed, or reports that Bun is missing", async () => {
    await using tester = await createInstalled(npmInstall("--omit=optional"));
    const missing = await tester.exec(["npx", "signalman", "version"]);
    expect(missing.exitCode).toBe(127);
    expect(missing.stderr).toContain(
      `requires Bun ${packageJson.optionalDependencies.bun} or newer, which was not found`,
    );
    const PATH = `${await directoryWith(tester, "bun", process.execPath)}:${await pathWithoutBun(tester)}`;
    const { stdout, stderr, exitCode } = await tester.exec(["npx", "signalman", "version"], {
      env: { PATH },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.trim()).toBe(packageJson.version);
  });

  test("runs with bunx from the tarball, with only Bun on PATH", async () => {
    await using tester = await createTester();
    const PATH = await directoryWith(tester, "bunx", process.execPath);
    const command = [path.join(PATH, "bunx"), "--package", tarball, "signalman", "version"];
    const { stdout, stderr, exitCode } = await tester.exec(command, { env: { PATH } });
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.trim()).toBe(packageJson.version);
  });
});

function npmInstall(...options: string[]): string[] {
  return ["npm", "install", "--no-audit", "--no-fund", ...options, tarball];
}

/** Creates a project with the package installed, in a tester with Node and npm but without Bun on PATH. */
async function createInstalled(command: readonly string[]): Promise<Tester> {
  const tester = await createTester();
  await tester.write("package.json", '{ "private": true }\n');
  const PATH = await pathWithoutBun(tester);
  const inside: Tester = {
    ...tester,
    exec: (args, options) => tester.exec(args, { ...options, env: { PATH, ...options?.env } }),
    start: (args, options) => tester.start(args, { ...options, env: { PATH, ...options?.env } }),
  };
  const { exitCode, stdout, stderr } = await inside.exec(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return inside;
}

async function versionBy(tester: Tester, command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr }: Finished = await tester.exec(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** Returns a PATH with Node, npm and the directories of the system that contain no bun. */
async function pathWithoutBun(tester: Tester): Promise<string> {
  const own = path.join(tester.home, "..", "node");
  await mkdir(own, { recursive: true });
  for (const name of ["node", "npm", "npx"]) {
    const file = Bun.which(name);
    if (file === null) throw new Error(`the end-to-end tests need "${name}" on PATH`);
    await symlink(file, path.join(own, name)).catch(() => {});
  }
  const dirs = process.env.PATH!.split(":").filter((dir) => Bun.which("bun", { PATH: dir }) === null);
  return [own, ...dirs].join(":");
}

async function directoryWith(tester: Tester, name: string, target: string): Promise<string> {
  const own = path.join(tester.home, "..", `only-${name}`);
  await mkdir(own, { recursive: true });
  await symlink(target, path.join(own, name)).catch(() => {});
  return own;
}
