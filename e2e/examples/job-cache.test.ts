import { expect, test } from "bun:test";
import path from "node:path";
import { createExampleTester, exampleFlags } from "./example-plugins.ts";
import { runJob } from "../support/jobs.ts";

test.concurrent("job-cache brings a directory back in later jobs of the same project", async () => {
  await using tester = await createExampleTester("job-cache", {});
  const directory = path.join(tester.home, "entries");
  await tester.write("operator.json", JSON.stringify({ plugins: { "./job-cache": { directory } } }));
  const use = "signalman job-cache restore v1 lib; cat lib/file; mkdir -p lib; date +%N >lib/file";
  const run = async (project: string) => {
    const job = {
      env: { SEMAPHORE_PROJECT_ID: project },
      commands: [`rm -rf lib; ${use}`, "signalman job-cache store v1 lib"],
    };
    const { exitCode, stdout } = await runJob(tester, job, exampleFlags);
    expect(exitCode).toBe(0);
    return stdout;
  };
  expect(await run("one")).toContain('no entry "v1"');
  expect(await run("one")).toMatch(/restored "v1"\n\d{9}/);
  expect(await run("two")).toContain('no entry "v1"');
});
