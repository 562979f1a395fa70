import { statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { defineCommand } from "../../core/contracts/command.ts";

export default defineCommand({
  meta: { name: "plugins test", description: "run a plugin's tests; nothing needs to be installed for that" },
  configuration: "lenient",
  log: "stderr",
  args: { directory: { type: "positional", required: false, description: "where they are (default: here)" } },
  async run({ args }) {
    const directory = resolve(args.directory ?? ".");
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new AgentError("USAGE_INVALID", `${directory} is no directory`);
    }
    process.exitCode = await withPreload((preload) => runTests(directory, preload));
  },
});

/** This program is Bun as well: it runs the tests, and lends them its own SDK. */
async function runTests(directory: string, preload: string): Promise<number> {
  const tests = Bun.spawn([process.execPath, "test", "--preload", preload], {
    cwd: directory,
    env: { ...process.env, BUN_BE_BUN: "1" },
    stdio: ["inherit", "inherit", "inherit"],
  });
  return tests.exited;
}

async function withPreload(work: (path: string) => Promise<number>): Promise<number> {
  // The build puts the bundled file's text in the variable's place.
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
