import * as v from "valibot";
import { bytes } from "../core/config/bytes.ts";

const seconds = (text: string) =>
  v.pipe(
    v.number(),
    v.minValue(0, "expected 0 or more seconds"),
    v.description(text),
    v.metadata({ hint: "seconds" }),
  );

/** Options of the agent itself, whatever its control plane: entries of the core's schema. */
export const agentEntries = {
  "control-plane": v.optional(
    v.pipe(v.string(), v.description("Where jobs come from: the name of a job source")),
    "semaphore",
  ),
  slots: v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number of slots"),
      v.minValue(1, "expected at least 1 slot"),
      v.maxValue(100, "expected at most 100 slots"),
      v.description("How many jobs the agent runs at once; each slot is an agent of its own, `<name>-<n>`"),
    ),
    1,
  ),
  "slot-home": v.optional(
    v.pipe(
      v.picklist(["own", "shared"]),
      v.description(
        "Where jobs are at home when there are several slots: each slot in a directory of its own, or all in the user's, where they would delete each other's checkouts",
      ),
    ),
    "own",
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
      v.description("Variables for every job; they win over the job's own"),
    ),
    [],
  ),
  files: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => /^[^:]+:[^:]+$/.test(text),
            ({ input }) =>
              `Error parsing --files: ${input} is not a valid file injection (expected host-path:job-path)`,
          ),
        ),
      ),
      v.description("Files of this host that jobs in containers get: host-path:job-path"),
    ),
    [],
  ),
  "fail-on-missing-files": v.optional(
    v.pipe(v.boolean(), v.description("Fail a job when a file of `files` is missing on this host")),
    false,
  ),
  "log-flush-timeout": v.optional(
    v.pipe(
      seconds("How long the log of a job that is over may still take to be delivered, in seconds"),
      v.metadata({ delaysShutdown: true }),
    ),
    900,
  ),
  "claim-timeout": v.optional(
    seconds("How long a job goes on when its agent is gone and no other takes it over, in seconds"),
    900,
  ),
  "kept-logs-size": v.optional(
    bytes("How much of the disk the kept logs of jobs may take, the oldest going first"),
    "1GiB",
  ),
  "kept-logs-days": v.optional(
    v.pipe(
      v.number(),
      v.minValue(0, "expected 0 or more days"),
      v.description("How many days the log of a job is kept"),
      v.metadata({ hint: "days" }),
    ),
    7,
  ),
} satisfies v.ObjectEntries;
