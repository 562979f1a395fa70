import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { createExampleTester, exampleFlags } from "./example-plugins.ts";
import { waitForFile } from "../support/agents.ts";
import { until } from "../support/jobs.ts";

test.concurrent("sqlite-source runs the jobs of a table in two slots, over an agent that is killed", async () => {
  await using tester = await createExampleTester(
    "sqlite-source.ts",
    { file: "jobs.db", "poll-interval": 0.05 },
    { "control-plane": "sqlite", slots: 2 },
  );
  const start = () =>
    tester.start(["start", ...exampleFlags, "--state-dir", path.join(tester.home, "state")]);
  const first = start();
  const file = path.join(tester.home, "jobs.db");
  await waitForFile(file);
  using database = new Database(file);
  database.run("pragma busy_timeout = 20000");
  await until(
    "the table exists",
    () => database.query("select 1 from sqlite_master where name = 'jobs'").get() !== null,
  );
  const submit = (...commands: string[]): string => {
    const id = randomUUID();
    database.run("insert into jobs (id, request) values (?, ?)", [id, JSON.stringify({ commands })]);
    return id;
  };
  const go = `until [ -e ${tester.home}/go ]; do sleep 0.05; done`;
  const here = (name: string) => path.join(tester.home, name);
  const surviving = submit(`touch ${here("one")}`, go);
  const stopped = submit(`touch ${here("two")}`, "sleep 600");
  await waitForFile(here("one"));
  await waitForFile(here("two"));
  first.kill("SIGKILL");
  await first.finished;

  const next = submit("exit 1");
  const second = start();
  await tester.write("go", "");
  database.run("update jobs set stop = 1 where id = ?", [stopped]);
  const results = () =>
    Object.fromEntries(
      database
        .query<{ id: string; result: string }, []>("select id, result from jobs where result is not null")
        .all()
        .map(({ id, result }) => [id, result]),
    );
  await until("all jobs have a result", () => Object.keys(results()).length === 3);
  expect(results()).toEqual({ [surviving]: "passed", [stopped]: "stopped", [next]: "failed" });
  second.kill("SIGTERM");
  expect((await second.finished).exitCode).toBe(0);
});
