import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { createExampleTester, exampleFlags } from "./example-plugins.ts";
import { until } from "../support/jobs.ts";

test.concurrent("folder-source runs the jobs of a directory, over an agent that is killed", async () => {
  await using tester = await createExampleTester(
    "folder-source",
    { directory: "jobs", "poll-interval": 0.05 },
    { "control-plane": "folder" },
  );
  const jobs = path.join(tester.home, "jobs");
  const done = path.join(jobs, "done");
  const go = path.join(tester.home, "go");
  const id = "11111111-2222-4333-8444-555555555555";
  await mkdir(jobs);
  const gate = `until [ -e ${go} ]; do sleep 0.05; done; echo survived`;
  await tester.write(`jobs/${id}.yaml`, JSON.stringify({ commands: ["echo begun", gate] }));
  const start = () =>
    tester.start(["start", ...exampleFlags, "--state-dir", path.join(tester.home, "state")]);

  const first = start();
  const log = path.join(done, `${id}.ndjson`);
  await until("the job's log is delivered", async () => (await readText(log)).includes("begun"));
  await tester.write("jobs/invalid.yaml", "commandz: 1\n");
  first.kill("SIGKILL");
  await first.finished;

  const second = start();
  await tester.write("go", "");
  await until("both jobs have a result", () => results(done).length === 2);
  second.kill("SIGINT");
  await second.finished;
  expect(JSON.parse(await readText(path.join(done, `${id}.json`)))).toEqual({ id, result: "passed" });
  const lines = (await readText(log))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string });
  expect(lines.filter(({ event }) => event === "job_finished")).toHaveLength(1);
  expect(await readText(log)).toContain("survived");
  const other = results(done).find((name) => !name.startsWith(id)) ?? "";
  expect(JSON.parse(await readText(path.join(done, other)))).toMatchObject({ result: "failed" });
  expect(await readText(path.join(done, other.replace(".json", ".ndjson")))).toContain("commands: missing");
  expect(readdirSync(path.join(jobs, "running"))).toEqual([]);
});

function results(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => /^[^.].*\.json$/.test(name));
}

async function readText(file: string): Promise<string> {
  return existsSync(file) ? readFile(file, "utf8") : "";
}
