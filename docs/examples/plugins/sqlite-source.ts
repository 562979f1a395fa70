import { Database } from "bun:sqlite";
import {
  type ClaimedJob,
  createSimpleSource,
  definePlugin,
  type JobSource,
  jobSource,
  logBackend,
  v,
} from "signalman";

/** `insert into jobs (id, request) values ('<UUID>', 'commands: [make]')` queues a job, `set stop = 1` stops it. */
const schema = `create table if not exists jobs (
  id text primary key, request text not null, owner text, stop integer not null default 0, result text)`;

/** The job that the owner has claimed and not reported, or the oldest that no owner has. */
const claim = `update jobs set owner = ?1 where id = (
  select id from jobs where result is null and (owner is null or owner = ?1) order by owner is null, rowid limit 1
) returning id, request`;

export function createSqliteSource(file: string, pollMs: number): JobSource {
  let database: Database;
  return createSimpleSource({
    identity: file,
    logMethod: "sqlite",
    pollMs,
    open() {
      database ??= new Database(file);
      database.run("pragma busy_timeout = 5000");
      database.run(schema);
    },
    claim: ({ owner }) => database.query<ClaimedJob, string>(claim).get(owner),
    report: (id, result) => void database.run("update jobs set result = ? where id = ?", [result, id]),
    isStopped: (id) => database.query("select id from jobs where id = ? and stop").get(id) !== null,
  });
}

/** Takes jobs from a table of a SQLite database, and writes their results there. */
export default definePlugin({
  name: "sqlite-source",
  description: "takes jobs from a SQLite database",
  runsIn: ["agent"],
  config: v.strictObject({
    file: v.pipe(v.string(), v.description("Path of the database; its table `jobs` is created")),
    "poll-interval": v.optional(
      v.pipe(v.number(), v.minValue(0.001), v.description("Seconds between two looks")),
      1,
    ),
  }),
  setup(ctx, options) {
    ctx.provide(jobSource, "sqlite", createSqliteSource(options.file, options["poll-interval"] * 1000));
    // The logs of the jobs stay on this host, where `signalman logs` shows them.
    ctx.provide(logBackend, "sqlite", {
      open: () => ({
        run: async () => ({ trimmed: false, undelivered: 0 }),
        async [Symbol.asyncDispose]() {},
      }),
    });
  },
});
