import * as v from "valibot";
import { bytes } from "./amounts.ts";

/**
 * Limits of a job's resources. The agent does not start when the executor of shell jobs cannot enforce a
 * limit that is set.
 */
export const limitEntries = {
  "job-memory": v.optional(
    v.pipe(
      bytes("Memory that the processes of a job may use together, in bytes"),
      v.minValue(1, "expected at least 1 byte"),
      v.metadata({ hint: "bytes", defaultText: "no limit" }),
    ),
  ),
  "job-cpus": v.optional(
    v.pipe(
      v.number(),
      v.gtValue(0, "expected more than 0 CPUs"),
      v.maxValue(1_000_000, "expected at most 1000000 CPUs"),
      v.description(
        "Number of CPUs that the processes of a job may use together, more than 0; fractions are allowed",
      ),
      v.metadata({ hint: "CPUs", defaultText: "no limit" }),
    ),
  ),
  "job-pids": v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number of processes"),
      v.minValue(1, "expected at least 1 process"),
      v.maxValue(2 ** 22, `expected at most ${2 ** 22} processes, the limit of Linux`),
      v.description("Number of processes and threads that a job may have at once, 1 or more"),
      v.metadata({ hint: "processes", defaultText: "no limit" }),
    ),
  ),
} satisfies v.ObjectEntries;
