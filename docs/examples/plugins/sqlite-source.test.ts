import { Database } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { jobSource, logBackend } from "signalman";
import { type ReportedResult, testJobSource, testPlugin, tmpdir } from "signalman/testing";
import plugin, { createSqliteSource } from "./sqlite-source.ts";

testJobSource({
  name: "sqlite",
  async create() {
    const directory = await tmpdir();
    const file = join(directory.path, "jobs.db");
    const source = createSqliteSource(file, 5);
    const database = new Database(file);
    database.run("pragma busy_timeout = 5000");
    database.run(
      "create table jobs (id text primary key, request text, owner text, stop integer default 0, result text)",
    );
    const submit = (request: string): string => {
      const id = randomUUID();
      database.run("insert into jobs (id, request) values (?, ?)", [id, request]);
      return id;
    };
    return {
      open: () => source,
      submit: () => submit("commands: [make]"),
      submitInvalid: () => submit("commands: 17"),
      results: () =>
        database
          .query<ReportedResult, []>(
            "select id as jobId, result from jobs where result is not null order by rowid",
          )
          .all(),
      stop: (id) => void database.run("update jobs set stop = 1 where id = ?", [id]),
      async [Symbol.asyncDispose]() {
        database.close();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
  createBroken: () => createSqliteSource("/proc/no-such-directory/jobs.db", 5),
});

test("the plugin provides the source, and the log backend of its jobs", async () => {
  await using t = await testPlugin(plugin, { config: { file: "jobs.db" } });
  expect(t.use(jobSource, "sqlite").identity).toBe("jobs.db");
  expect(t.use(logBackend, "sqlite").open).toBeFunction();
});
