import { statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { defineCommand } from "../../core/contracts/command.ts";

export default defineCommand({
  meta: { name: "plugins test", description: "run the tests of a plugin; nothing needs to be installed" },
  configuration: "lenient",
  log: "stderr",
  args: {
    directory: {
      type: "positional",
      required: false,
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
 * Runs the tests with the Bun that this program contains and with this program's SDK. Returns the exit
 * status.
 */
async function runTests(directory: string, preload: string): Promise<number> {
  const tests = Bun.spawn([process.execPath, "test", "--preload", preload], {
    cwd: directory,
    env: { ...process.env, BUN_BE_BUN: "1" },
    stdio: ["inherit", "inherit", "inherit"],
  });
  return tests.exited;
}

async function withPreload(work: (path: string) => Promise<number>): Promise<number> {
  // The build replaces the variable by the text of the bundled file.
  const bundle = process.env.SIGNALMAN_TEST_PRELOAD;
  if (bundle === undefined) return work(resolve(import.meta.dir, "../../testing/preload.ts"));
  const directory = await mkdtemp(join(tmpdir(), "signalman-"));
  try {
    const path = join(directory, "preload.js");
    await writeFile(path, bundle);
    return await work(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
