import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import path from "node:path";
import { createExampleTester, exampleFlags } from "./example-plugins.ts";
import { findLeftovers, outline, runForEvents } from "../support/jobs.ts";

const canSandbox =
  Bun.which("bwrap") !== null &&
  Bun.spawnSync(["bwrap", "--ro-bind", "/", "/", "--tmpfs", "/tmp", "true"]).exitCode === 0;

const load = (...names: string[]) => ({
  plugins: Object.fromEntries(names.map((name) => [`./executor-wrappers/${name}.ts`, {}])),
});

describe("executor wrappers", () => {
  test.skipIf(!canSandbox).concurrent("are combined: a sandbox, a priority and a recorder", async () => {
    const all = load("bubblewrap", "nice", "recorder");
    await using tester = await createExampleTester("executor-wrappers", {}, all);
    const job = {
      name: "a job",
      env: { NAME: "it's me" },
      files: [{ path: "bin/hello", mode: "0755", text: "#!/bin/sh\necho hello $NAME\n" }],
      commands: [
        "./bin/hello; nice",
        "echo hide-this | signalman redact && echo hide-this",
        "touch /etc/never",
      ],
    };
    const { exitCode, events } = await runForEvents(tester, job, exampleFlags);
    const shown = outline(events);
    expect(shown).toContain(`[./bin/hello; nice] 0: hello it's me\n${getPriority() + 10}\n`);
    expect(shown.join("\n")).toContain("redact && echo hide-this] 0: ");
    expect(shown.join("\n")).not.toContain("0: hide-this");
    expect(shown.join("\n")).toContain("touch: cannot touch '/etc/never': Read-only file system");
    expect(exitCode).toBe(1);
    const recorded = await readFile(path.join(tester.home, "commands.txt"), "utf8");
    expect(recorded).toStartWith("a job: 0 ./bin/hello; nice\n");
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test.skipIf(!canSandbox).concurrent("that hide the job's directory fail the job at once", async () => {
    const hiding = { plugins: { "./hiding.ts": {} } };
    await using tester = await createExampleTester("executor-wrappers", {}, hiding);
    await tester.write(
      "hiding.ts",
      `import { definePlugin, executorWrapper } from "signalman";
       import { tmpdir } from "node:os";
       export default definePlugin({ name: "hiding", runsIn: ["job"], setup(ctx) {
         const words = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--tmpfs", tmpdir(), "--"];
         ctx.provide(executorWrapper, "hiding", { commandPrefix: () => words });
       } });`,
    );
    const { exitCode, events } = await runForEvents(tester, { commands: ["true"] }, exampleFlags);
    expect(exitCode).toBe(1);
    expect(outline(events).join("\n")).toMatch(/cannot read ".*\/command": a sandbox around it must let/);
  });
});
