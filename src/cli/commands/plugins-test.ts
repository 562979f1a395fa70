import { statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { defineCommand } from "../../core/contracts/command.ts";

export default defineCommand({
  meta: { name: "plugins test", description: "run the tests of a plugin; nothing needs to be installed" },
  group: "extend",
  examples: [{ line: "signalman plugins test notify", purpose: "run the tests in ./notify" }],
  configuration: "lenient",
  log: "stderr",
  args: {
    directory: {
      type: "positional",
      required: false,
      completes: "directory",
      description: "directory of the plugin (default: the working directory)",
    },
  },
  async run({ args }) {
    const directory = resolve(args.directory ?? ".");
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new AgentError("USAGE_INVALID", `"${directory}" is not a directory`);
    }
    process.exitCode = await withPreload((preload) => runTests(directory, preload));
  },
});

/**
 * Runs the tests with the Bun that this program contains and with this program's SDK. Signals end them too.
 * Returns the exit status.
 */
async function runTests(directory: string, preload: string): Promise<number> {
  const tests = Bun.spawn([process.execPath, "test", "--preload", preload], {
    cwd: directory,
    env: { ...process.env, BUN_BE_BUN: "1" },
    stdio: ["inherit", "inherit", "inherit"],
  });
  let killing: NodeJS.Timeout | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      tests.kill(name);
      // A test that never yields does not notice the signal.
      killing ??= setTimeout(() => tests.kill("SIGKILL"), graceMs);
    });
  }
  try {
    return await tests.exited;
  } finally {
    clearTimeout(killing);
  }
}

const graceMs = 5_000;

async function withPreload(work: (path: string) => Promise<number>): Promise<number> {
  // The build replaces the variable by the text of the bundled file.
  const bundle = process.env.SIGNALMAN_TEST_RUNNER;
  if (bundle === undefined) return work(resolve(import.meta.dir, "../../testing/preload.ts"));
  const directory = await mkdtemp(join(tmpdir(), "signalman-"));
  try {
    await writeFile(join(directory, "runner.js"), bundle);
    const path = join(directory, "preload.js");
    await writeFile(path, preload);
    return await work(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Evaluates the bundle under the name of Bun's own code, of which a failed test shows neither lines nor frames:
 * those of the plugin remain. The files are removed at once, so that a killed run leaves none.
 */
const preload = `
import { readFileSync, rmSync } from "node:fs";
import { Script } from "node:vm";
const text = readFileSync(import.meta.dir + "/runner.js", "utf8");
rmSync(import.meta.dir, { recursive: true, force: true });
const options = { filename: "bun:wrap", importModuleDynamically: (name) => import(name) };
const runner = { exports: {} };
new Script(text, options).runInThisContext()(runner.exports, import.meta.require, runner, import.meta.path, import.meta.dir);
await runner.exports.prepareRunner();
`;
