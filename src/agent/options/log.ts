import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { bytes } from "./amounts.ts";
import { toLogLevel } from "../../core/logger/logger.ts";

const logLevels = ["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"] as const;

/** Options of the agent's own log. */
export const logEntries = {
  "log-level": v.optional(
    v.pipe(
      v.picklist(logLevels),
      v.description("Minimum level of lines written to the agent's log"),
      v.transform(toLogLevel),
    ),
    "info",
  ),
  "log-format": v.optional(
    v.pipe(v.picklist(["human", "json"]), v.description("Format of the agent's log")),
    "human",
  ),
  "log-file-path": v.pipe(
    v.optional(v.pipe(v.string(), v.nonEmpty("expected the path of a file")), () =>
      join(tmpdir(), "agent_log"),
    ),
    v.description("Log file of the agent; lines are appended"),
    v.examples(["/var/log/signalman.log"]),
    v.metadata({ hint: "file", defaultText: "<tmpdir>/agent_log" }),
  ),
  "log-file-size": v.optional(
    bytes("Size of the agent's log file at which it is rotated to `<file>.1`; 0: it is never rotated"),
    "100MiB",
  ),
  "log-file-count": v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number"),
      v.minValue(0, "expected 0 or more"),
      v.maxValue(1000, "expected 1000 at most"),
      v.description("Number of rotated log files that are kept, 0 to 1000; `<file>.1` is the newest"),
    ),
    3,
  ),
} satisfies v.ObjectEntries;
