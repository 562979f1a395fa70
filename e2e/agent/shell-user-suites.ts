import { expect, test } from "bun:test";
import path from "node:path";
import { root } from "../support/fixtures.ts";
import { runsAsJobUser } from "../support/job-user.ts";
import { isRoot, needsRoot } from "../support/users.ts";

/** Runs each test file once more, with every job as another user. */
export function testAsJobUser(files: readonly string[]): void {
  test.if(isRoot && !runsAsJobUser).each(files)(
    `%s passes with jobs of another user${needsRoot}`,
    async (file) => {
      const run = Bun.spawn([process.execPath, "test", "--timeout", "120000", `./e2e/${file}.test.ts`], {
        cwd: root,
        env: { ...process.env, E2E_SHELL_USER: "yes" },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, exitCode] = await Promise.all([
        run.stdout.text(),
        run.stderr.text(),
        run.exited,
      ]);
      const output = `${path.basename(file)}\n${stdout}${stderr}`;
      expect(output).toMatch(/^ *[1-9]\d* pass$/m);
      if (exitCode !== 0) throw new Error(output);
    },
    600_000,
  );
}
