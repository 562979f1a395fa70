import { onFailed } from "./step-failed.ts";
import {
  type Event,
  idle,
  isWorking,
  leave,
  log,
  type Machine,
  type Rules,
  settle,
  stay,
  type Step,
} from "./machine.ts";
import type { SyncAction } from "./wire.ts";

/**
 * One step of an agent, pure: what happened goes in, what it is now and what is to be done come out.
 *
 * - Only an acknowledged `finished-job` leads from a job back to waiting (2.7); until then it is said again, unchanged.
 * - An answer counts for the request that it answers: what was said meanwhile in another state is no answer to the state now.
 * - A control plane that says `shutdown` while there is a job gets the job's result first (13.4).
 */
export function step(machine: Machine, event: Event, rules: Rules): Step {
  if (machine.left !== undefined) return stay(machine);
  switch (event.kind) {
    case "sent":
      return stay(event.request.state === "waiting-for-jobs" ? { ...machine, isSettled: false } : machine);
    case "answered": {
      const known = { goneSince: undefined, refusedSince: undefined, isTentative: false, isDoubtful: false };
      const next = onAnswered({ ...machine, ...known, lastGoodAt: event.at }, event);
      return machine.isDoubtful ? { ...next, actions: [{ kind: "assure" }, ...next.actions] } : next;
    }
    case "failed":
      return onFailed(machine, event, rules);
    case "job-running":
      return stay(
        isAt(machine, event.jobId, "starting-job") ? { ...machine, state: "running-job" } : machine,
      );
    case "job-ended":
      return onJobEnded(machine, event);
    case "interrupted":
      if (machine.interruptedAt > 0 || machine.abandoned !== undefined) return stay(machine);
      return stay(
        { ...machine, interruptedAt: event.unixSeconds, interruptedSince: event.at },
        ...(isWorking(machine)
          ? [log("info", `interrupted: job ${machine.jobId} has ${rules.gracePeriod} s left`)]
          : []),
        { kind: "sync" },
      );
    case "drained": {
      const draining: Machine = { ...machine, isDraining: true };
      return idle(machine) && machine.isSettled ? leave(draining, { reason: "requested" }) : stay(draining);
    }
  }
}

type Answered = Extract<Event, { kind: "answered" }>;
type JobEnded = Extract<Event, { kind: "job-ended" }>;

function isAt({ state, jobId }: Machine, id: string, ...states: readonly string[]): boolean {
  return jobId === id && states.includes(state);
}

function onAnswered(machine: Machine, { request, action }: Answered): Step {
  if (machine.abandoned !== undefined) return stay(machine);
  switch (request.state) {
    case "waiting-for-jobs":
      return idle(machine) ? onIdleAnswer(machine, action) : stay(machine);
    case "finished-job":
      return isAt(machine, request.jobId, "finished-job") ? onAcknowledged(machine, action) : stay(machine);
    default:
      return machine.jobId === request.jobId ? onBusyAnswer(machine, action) : stay(machine);
  }
}

function onIdleAnswer(machine: Machine, action: SyncAction): Step {
  if (action.kind === "run-job") return assign(machine, action.jobId);
  if (action.kind === "shutdown") return leave(machine, { reason: action.reason }, told(action));
  if (machine.isDraining) return leave(machine, { reason: "requested" });
  return stay({ ...machine, isSettled: true }, ...remark(action));
}

function onBusyAnswer(machine: Machine, action: SyncAction): Step {
  const isOver = machine.state === "stopping-job" || machine.state === "finished-job";
  switch (action.kind) {
    case "stop-job":
      if (isOver) return stay(machine);
      if (action.jobId !== "" && action.jobId !== machine.jobId) {
        return stay(machine, log("warn", `told to stop job ${action.jobId}, which is not here`));
      }
      return stay({ ...machine, state: "stopping-job" }, log("info", `stopping job ${machine.jobId}`), {
        kind: "stop",
      });
    case "shutdown": {
      const told_: Machine = { ...machine, shutdown: action.reason };
      return isOver ? stay(told_) : stay({ ...told_, state: "stopping-job" }, told(action), { kind: "stop" });
    }
    case "run-job":
      if (action.jobId === machine.jobId) return stay(machine);
      return stay(
        machine,
        log("warn", `told to run job ${action.jobId} while job ${machine.jobId} is here: not taken`),
      );
    default:
      return stay(machine, ...remark(action));
  }
}

/** Any well-formed answer acknowledges a result. */
function onAcknowledged(machine: Machine, action: SyncAction): Step {
  const { jobId, shutdown, isDraining } = machine;
  const settled = settle(machine);
  if (action.kind === "run-job" && action.jobId !== jobId) {
    const next = assign(settled, action.jobId);
    return stay(next.machine, { kind: "release" }, ...next.actions);
  }
  const reason =
    action.kind === "shutdown" ? action.reason : (shutdown ?? (isDraining ? "requested" : undefined));
  if (reason === undefined) return stay(settled, { kind: "release" }, ...remark(action));
  return leave(settled, { reason }, { kind: "release" });
}

function assign(machine: Machine, jobId: string): Step {
  const assigned: Machine = { ...machine, state: "starting-job", jobId, isSettled: false };
  return stay(assigned, log("info", `job ${jobId} is assigned`), { kind: "fetch", jobId });
}

function onJobEnded(machine: Machine, { jobId, result }: JobEnded): Step {
  if (!isAt(machine, jobId, "starting-job", "running-job", "stopping-job")) return stay(machine);
  const finished: Machine = { ...machine, state: "finished-job", result };
  const { abandoned } = machine;
  if (abandoned === undefined)
    return stay(finished, log("info", `job ${jobId}: ${result}`), { kind: "sync" });
  return leave(finished, abandoned, ...(abandoned.owes ? [] : [{ kind: "release" } as const]));
}

function told({ reason }: Extract<SyncAction, { kind: "shutdown" }>) {
  return log("info", `told to leave: ${reason}`);
}

function remark(action: SyncAction) {
  return action.kind === "unknown"
    ? [log("warn", `unknown action "${action.word.slice(0, 100)}": ignored`)]
    : [];
}
