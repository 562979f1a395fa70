import * as v from "valibot";
import { bytes, seconds } from "./amounts.ts";

/** Options of the agent itself, on every control plane. */
export const agentEntries = {
  "control-plane": v.optional(
    v.pipe(v.string(), v.description("Name of the job source that provides the jobs")),
    "semaphore",
  ),
  slots: v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number of slots"),
      v.minValue(1, "expected at least 1 slot"),
      v.maxValue(100, "expected at most 100 slots"),
      v.description(
        "Number of jobs that the agent runs at once, 1 to 100; each slot registers as an agent of its own, `<name>-<n>`",
      ),
    ),
    1,
  ),
  "slot-home": v.optional(
    v.pipe(
      v.picklist(["own", "shared"]),
      v.description(
        "Home directory of jobs when there are several slots: one for each slot, or the user's for all, where jobs would delete each other's checkouts",
      ),
    ),
    "own",
  ),
  "state-dir": v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected the path of a directory"),
      v.description("Directory of the agent's state, of its jobs and their logs"),
      v.examples(["/var/lib/signalman"]),
      v.metadata({
        hint: "directory",
        defaultText: "$STATE_DIRECTORY, $XDG_STATE_HOME/signalman or ~/.local/state/signalman",
      }),
    ),
  ),
  watchdog: v.optional(
    seconds(
      "Seconds for which the agent's event loop may stand still before the agent is killed; 0: no limit",
    ),
    0,
  ),
  "admission-interval": v.optional(
    seconds(
      "Seconds between two checks by plugins (`admission`) whether a slot without a job may take one",
      0.01,
    ),
    10,
  ),
  "admission-pause": v.optional(
    seconds("Minimum seconds for which a slot takes no jobs after a plugin (`admission`) has refused them"),
    60,
  ),
  "kept-logs-size": v.optional(
    bytes("Total size of the job logs kept on disk; the oldest are removed first"),
    "1GiB",
  ),
  "kept-logs-days": v.optional(
    v.pipe(
      v.number(),
      v.minValue(0, "expected 0 or more days"),
      v.maxValue(100_000, "expected at most 100000 days"),
      v.description("Days for which a job's log is kept on disk"),
      v.metadata({ hint: "days" }),
    ),
    7,
  ),
} satisfies v.ObjectEntries;
