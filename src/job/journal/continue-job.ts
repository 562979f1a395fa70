import { waitAtMost } from "../../core/host/deadline.ts";
import type { HookName } from "../../core/contracts/hooks.ts";
import type { HookCalls } from "../hook-calls.ts";
import type { StopControl } from "../stop-control.ts";
import type { JobJournal } from "./job-journal.ts";

/** Hooks that are called once in a job, or once for each phase or command. The others follow what happens. */
const countedHooks: ReadonlySet<HookName> = new Set([
  "job:start",
  "job:prepare",
  "job:phase",
  "job:finish",
  "job:end",
  "command:start",
  "command:end",
]);

/** Leaves out hooks whose listeners have returned in an earlier process of the job. */
export function keepHooks(calls: HookCalls, journal: Pick<JobJournal, "once">): HookCalls {
  const keep =
    (call: HookCalls["gate"]): HookCalls["gate"] =>
    (name, event) => {
      if (!calls.hears(name) || !countedHooks.has(name)) return call(name, event);
      const { phase = "", index = "" } = (typeof event === "function" ? {} : event) as Record<
        string,
        unknown
      >;
      return journal.once(`${name} ${String(phase)} ${String(index)}`, () => call(name, event));
    };
  return { ...calls, gate: keep(calls.gate), notify: keep(calls.notify) };
}

/** Stops a job that an earlier process was stopping. */
export function repeatStop(journal: JobJournal, stops: Pick<StopControl, "stop" | "kill">): void {
  const { cause, isKill } = journal.left!.stop!;
  if (isKill) stops.kill(cause);
  else whenFollowed(journal, () => stops.stop(cause));
}

/** Calls `stop` when the command is followed that an earlier process had begun: the log gets its last output. */
export function whenFollowed({ isFollowing, attached }: JobJournal, stop: () => void): void {
  if (isFollowing) void waitAtMost(attached, followMs).then(stop);
  else stop();
}

/** Bounded, because the session may be out of reach. */
const followMs = 30_000;
