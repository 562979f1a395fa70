import * as v from "valibot";
import { bytes, seconds } from "./amounts.ts";

/** Options of how jobs are executed, on every control plane. */
export const jobEntries = {
  executors: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description("Executors that replace those that jobs ask for: `shell=bubblewrap`"),
      v.examples([{ shell: "bubblewrap" }]),
    ),
    {},
  ),
  "log-methods": v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description("Log backends that replace those that jobs ask for: `push=file-copy`"),
      v.examples([{ push: "file-copy" }]),
    ),
    {},
  ),
  "env-vars": v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => text.indexOf("=") > 0,
            ({ input }) =>
              `Error parsing --env-vars: ${input.split("=")[0]} is not a valid environment variable (expected NAME=value)`,
          ),
        ),
      ),
      v.description("Environment variables of every job, as NAME=value; they override the job's own"),
      v.examples([["STAGE=test"]]),
    ),
    [],
  ),
  "shell-user": v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.{}-]*$/, "expected the name or uid of a user, such as ci-{slot}"),
      v.description(
        "User, by name or uid, as which jobs run on this host; `{slot}` is replaced by the number of the slot, from 1. The agent must run as root. Jobs can then read neither the agent's token and state nor each other's files. The user's home must be closed to other users (`chmod 700`)",
      ),
      v.examples(["ci-{slot}"]),
      v.metadata({ hint: "user", defaultText: "the agent's user" }),
    ),
  ),
  "end-user-processes": v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "End every process of the job's user at the end of a job, whatever started it; only where nothing else runs as this user",
      ),
      v.metadata({ defaultText: "true when shell-user contains {slot}" }),
    ),
  ),
  "terminal-size": v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,4}x\d{1,4}$/, "expected <columns>x<rows>, such as 120x40"),
      v.description("Columns and rows of a job's terminal: 120x40"),
      v.examples(["120x40"]),
      v.metadata({ hint: "size" }),
      v.transform((text) => {
        const [columns, rows] = text.split("x").map(Number) as [number, number];
        return { columns, rows };
      }),
    ),
    "0x0",
  ),
  "job-report": v.optional(
    v.pipe(
      v.boolean(),
      v.description("Append a block with the resources that the job used to each job's log"),
    ),
    false,
  ),
  "stop-grace-period": v.optional(
    v.pipe(
      seconds("Seconds from SIGTERM to SIGKILL when a job is stopped"),
      v.metadata({ delaysShutdown: true }),
    ),
    10,
  ),
  "stop-hook-timeout": v.optional(
    v.pipe(
      seconds(
        "Seconds for which plugins may act before the processes of a stopped job are ended (`job:stopping`), all of them together",
      ),
      v.metadata({ delaysShutdown: true }),
    ),
    30,
  ),
  "claim-timeout": v.optional(
    seconds(
      "Seconds for which a job continues when its agent has exited and no other agent process resumes it",
    ),
    900,
  ),
  "log-disk-limit": v.optional(
    bytes("Maximum size of a job's log on disk; output beyond it is dropped and counted"),
    "1GiB",
  ),
  "log-flush-timeout": v.optional(
    v.pipe(
      seconds("Seconds for which the log of a job that has ended may still be delivered"),
      v.metadata({ delaysShutdown: true }),
    ),
    900,
  ),
} satisfies v.ObjectEntries;
