import type { Failure } from "./client.ts";
import {
  type Action,
  type Event,
  idle,
  isWorking,
  type Leave,
  leave,
  log,
  type Machine,
  type Rules,
  settle,
  stay,
  type Step,
} from "./machine.ts";

type Failed = Extract<Event, { kind: "failed" }>;

/** A sync that brought no answer: what an agent decides alone (protocol sections 2.7, 2.8). */
export function onFailed(before: Machine, event: Failed, rules: Rules): Step {
  if (before.abandoned !== undefined) return stay(before);
  const { request, failure, at } = event;
  const goneSince = failure.status === 404 ? (before.goneSince ?? at) : undefined;
  const isRefused = isForeign(failure) && isWorking(before) && request.jobId === before.jobId;
  const refusedSince = isRefused ? (before.refusedSince ?? at) : undefined;
  const isLong = (goneSince ?? refusedSince) !== undefined || at - before.lastGoodAt > rules.busyGiveUpMs / 2;
  const isDoubtful = before.isDoubtful || (isLong && !idle(before));
  const machine: Machine = { ...before, goneSince, refusedSince, isDoubtful };
  const first: Action[] = isDoubtful && !before.isDoubtful ? [{ kind: "doubt" }] : [];
  const withFirst = ({ machine, actions }: Step): Step => ({ machine, actions: [...first, ...actions] });

  if (isRejection(failure) && request.state === "finished-job" && request.jobId === machine.jobId) {
    return withFirst(onRejected(machine, failure, rules));
  }
  if (goneSince !== undefined && isGone(machine, at - goneSince, rules)) return withFirst(onGone(machine));
  if (refusedSince !== undefined && at - refusedSince > rules.goneGiveUpMs)
    return withFirst(onRefused(machine));
  return withFirst(idle(machine) ? onIdle(machine, event, rules) : onBusy(machine, event, rules));
}

/** What no repetition heals. Another agent's row, a lost login or a limit may yet. */
function isRejection({ status }: Failure): boolean {
  return status >= 400 && status < 500 && ![401, 404, 408, 429].includes(status);
}

/** The control plane knows us, and finds that we have no such job: it has ended, or given away, what we run (protocol section 0). */
function isForeign({ status }: Failure): boolean {
  return [400, 409, 422].includes(status);
}

/** The job has lost its meaning. Its result is refused as well, and then we wait for another one. */
function onRefused(machine: Machine): Step {
  const said = log("error", `Semaphore does not take job ${machine.jobId} for ours any more: it is stopped`);
  return stay({ ...machine, state: "stopping-job" }, said, { kind: "lose" }, { kind: "stop" });
}

/** The control plane has the result already; its answer was lost, or it has taken the job away. */
function onRejected(machine: Machine, { status }: Failure, { singleJob }: Rules): Step {
  const { jobId, interruptedAt, isDraining, shutdown } = machine;
  const said = log(
    "warn",
    `the result of job ${jobId} is not taken (status ${status}): it counts as reported`,
  );
  const reason =
    shutdown ??
    (singleJob ? "job-finished" : interruptedAt > 0 ? "interrupted" : isDraining ? "requested" : undefined);
  if (reason === undefined) return stay(settle(machine), said, { kind: "release" });
  return leave(settle(machine), { reason }, said, { kind: "release" });
}

/** A registration from disk without a job is given up at the first word; otherwise it must be said for a while. */
function isGone(machine: Machine, durationMs: number, { goneGiveUpMs }: Rules): boolean {
  return durationMs > goneGiveUpMs || (machine.isTentative && idle(machine));
}

function onGone(machine: Machine): Step {
  const how: Leave = { reason: "unable-to-sync", contact: "gone", owes: false };
  if (machine.isTentative && idle(machine)) {
    return leave(machine, how, log("info", "the control plane does not know the registration that was kept"));
  }
  const said = log("error", "Semaphore does not know this agent any more.");
  if (idle(machine)) return leave(machine, how, said);
  if (machine.state === "finished-job")
    return leave(machine, how, said, { kind: "lose" }, { kind: "release" });
  return abandon(machine, how, said);
}

function onIdle(machine: Machine, { request, at }: Failed, rules: Rules): Step {
  if (request.interruptedAt > 0) {
    return leave(machine, { reason: "interrupted", contact: "lost" });
  }
  if (at - machine.lastGoodAt <= rules.syncGiveUpMs) return stay(machine);
  const said = unableToSync(rules.syncGiveUpMs);
  return leave(machine, { reason: "unable-to-sync", contact: "lost" }, said);
}

function onBusy(machine: Machine, { at }: Failed, rules: Rules): Step {
  const silentMs = at - machine.lastGoodAt;
  if (silentMs > rules.busyGiveUpMs) {
    const how: Leave = { reason: "unable-to-sync", contact: "lost", owes: true };
    return abandon(machine, how, unableToSync(rules.busyGiveUpMs));
  }
  const isOverdue = machine.interruptedAt > 0 && at - machine.interruptedSince >= rules.gracePeriod * 1000;
  if (!isOverdue) return stay(machine);
  if (silentMs > rules.interruptGiveUpMs) {
    return abandon(machine, { reason: "interrupted", contact: "lost", owes: true });
  }
  if (machine.state === "stopping-job" || machine.state === "finished-job") return stay(machine);
  const said = log("info", `interrupted, and nobody to ask: stopping job ${machine.jobId}`);
  return stay({ ...machine, state: "stopping-job" }, said, { kind: "stop" });
}

function unableToSync(durationMs: number) {
  const time = durationMs < 120_000 ? `${durationMs / 1000} s` : `${Math.round(durationMs / 60_000)} minutes`;
  return log("error", `Unable to sync with Semaphore for over ${time}.`);
}

/** The job's result will not be reported by us. */
function abandon(machine: Machine, how: Leave, ...said: readonly ReturnType<typeof log>[]): Step {
  if (machine.state === "finished-job") return leave(machine, how, ...said, { kind: "lose" });
  const { jobId } = machine;
  return stay(
    { ...machine, state: "stopping-job", abandoned: how },
    ...said,
    log("warn", `job ${jobId} is stopped without a report; its log stays on this host`),
    { kind: "lose" },
    { kind: "stop" },
  );
}
