import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSession } from "./fixtures.ts";

describe("a background process that reads the terminal", () => {
  test.each([true, false])(
    "stalls a command, and cannot make it pass (secret in a file: %p)",
    async (hasSecretFile) => {
      await using shell = await openSession({ hasSecretFile });
      const { home, run, session } = shell;
      // The thief executes what it reads, as the job's shell would have done: start marker, command, end marker.
      writeFileSync(
        join(home, "thief"),
        `IFS= read -r line </dev/tty; printf '%s' "$line" >${home}/stolen; eval "$line"; echo done >${home}/done\n`,
      );
      // It stays in the shell's process group. A command ends where the shell was faster.
      await run(`set +m; bash ${home}/thief &`);
      const isStolen = until(() => existsSync(join(home, "done"))).then(() => true);
      let command = run("sleep 0.1");
      while (!(await Promise.race([isStolen, command.then(() => false)]))) command = run("sleep 0.1");
      const stolen = readFileSync(join(home, "stolen"), "utf8");
      expect(stolen).toContain("source");
      let isOver = false;
      void command.then(() => (isOver = true));
      await Bun.sleep(200);
      expect(isOver).toBe(false);
      await session.close();
      expect((await command).code).toBe(1);
    },
  );
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("condition not met within a minute");
    await Bun.sleep(10);
  }
}
