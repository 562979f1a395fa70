import type { StopCause } from "signalman";
import {
  type Action,
  type AgentState,
  type Event,
  findOwnReason,
  isIdle,
  isWorking,
  log,
  type Rules,
  settle,
  shutDown,
  type Shutdown,
  stay,
  type Transition,
} from "./agent-state.ts";
import type { Failure } from "./client.ts";

type Failed = Extract<Event, { kind: "failed" }>;

/**
 * The transition after a failed sync, which the agent decides without the control plane (protocol sections
 * 2.7, 2.8).
 */
export function onFailed(before: AgentState, event: Failed, rules: Rules): Transition {
  if (before.abandoned !== undefined) return stay(before);
  const { request, failure, at } = event;
  const goneSince = failure.status === 404 ? (before.goneSince ?? at) : undefined;
  const isRejected = isForeignJob(failure) && isWorking(before) && request.jobId === before.jobId;
  const rejectedSince = isRejected ? (before.rejectedSince ?? at) : undefined;
  const isLong =
    (goneSince ?? rejectedSince) !== undefined || at - before.lastGoodAt > rules.busyGiveUpMs / 2;
  const isOwnershipDoubtful = before.isOwnershipDoubtful || (isLong && !isIdle(before));
  const agent: AgentState = { ...before, goneSince, rejectedSince, isOwnershipDoubtful };
  const first: Action[] = isOwnershipDoubtful && !before.isOwnershipDoubtful ? [{ kind: "doubt" }] : [];
  const withFirst = ({ agent, actions }: Transition): Transition => ({
    agent,
    actions: [...first, ...actions],
  });

  if (isPermanent(failure) && request.state === "finished-job" && request.jobId === agent.jobId) {
    return withFirst(onResultRejected(agent, failure, rules));
  }
  if (goneSince !== undefined && isGone(agent, at - goneSince, rules)) return withFirst(onGone(agent));
  if (rejectedSince !== undefined && at - rejectedSince > rules.goneGiveUpMs) {
    return withFirst(onJobRejected(agent));
  }
  return withFirst(isIdle(agent) ? onIdle(agent, event, rules) : onBusy(agent, event, rules));
}

/**
 * Whether a retry cannot succeed. An unknown agent (404), a lost login (401) and a rate limit (429) may still
 * recover.
 */
function isPermanent({ status }: Failure): boolean {
  return status >= 400 && status < 500 && ![401, 404, 408, 429].includes(status);
}

/**
 * Whether the control plane knows the agent but not its job: it has ended that job or assigned it to another
 * agent (protocol section 0).
 */
function isForeignJob({ status }: Failure): boolean {
  return [400, 409, 422].includes(status);
}

/**
 * Stops a job that is not assigned to this agent any more. Its result is rejected as well, and then the agent
 * waits for jobs again.
 */
function onJobRejected(agent: AgentState): Transition {
  const line = log("error", `job ${agent.jobId} is not assigned to this agent any more: stopping it`);
  return stay(
    { ...agent, state: "stopping-job" },
    line,
    { kind: "lose" },
    toStop("the job is not assigned to this agent any more"),
  );
}

/** The control plane already has the result, and its answer was lost; or it has taken the job away. */
function onResultRejected(agent: AgentState, { status }: Failure, { singleJob }: Rules): Transition {
  const { jobId, interruptedAt, requestedShutdown } = agent;
  const line = log(
    "warn",
    `the control plane rejected the result of job ${jobId} (status ${status}): treating it as reported`,
  );
  const reason =
    requestedShutdown ??
    (singleJob ? "job-finished" : interruptedAt > 0 ? "interrupted" : findOwnReason(agent));
  if (reason === undefined) return stay(settle(agent), line, { kind: "release" });
  return shutDown(settle(agent), { reason }, line, { kind: "release" });
}

/** A resumed registration without a job is dropped at the first 404; otherwise the 404s must last for a while. */
function isGone(agent: AgentState, durationMs: number, { goneGiveUpMs }: Rules): boolean {
  return durationMs > goneGiveUpMs || (agent.isUnconfirmed && isIdle(agent));
}

function onGone(agent: AgentState): Transition {
  const how: Shutdown = { reason: "unable-to-sync", contact: "gone", isReportPending: false };
  if (agent.isUnconfirmed && isIdle(agent)) {
    return shutDown(agent, how, log("info", "the control plane does not know the resumed registration"));
  }
  const line = log("error", "the control plane does not know this agent any more");
  if (isIdle(agent)) return shutDown(agent, how, line);
  if (agent.state === "finished-job") {
    return shutDown(agent, how, line, { kind: "lose" }, { kind: "release" });
  }
  return abandon(agent, how, line);
}

function onIdle(agent: AgentState, { request, at }: Failed, rules: Rules): Transition {
  if (request.interruptedAt > 0) {
    return shutDown(agent, { reason: "interrupted", contact: "lost" });
  }
  if (at - agent.lastGoodAt <= rules.syncGiveUpMs) return stay(agent);
  const line = unableToSync(rules.syncGiveUpMs);
  return shutDown(agent, { reason: "unable-to-sync", contact: "lost" }, line);
}

function onBusy(agent: AgentState, { at }: Failed, rules: Rules): Transition {
  const silentMs = at - agent.lastGoodAt;
  if (silentMs > rules.busyGiveUpMs) {
    const how: Shutdown = { reason: "unable-to-sync", contact: "lost", isReportPending: true };
    return abandon(agent, how, unableToSync(rules.busyGiveUpMs));
  }
  const isOverdue = agent.interruptedAt > 0 && at - agent.interruptedSince >= rules.gracePeriod * 1000;
  if (!isOverdue) return stay(agent);
  if (silentMs > rules.interruptGiveUpMs) {
    return abandon(agent, { reason: "interrupted", contact: "lost", isReportPending: true });
  }
  if (agent.state === "stopping-job" || agent.state === "finished-job") return stay(agent);
  const line = log("info", `interrupted without contact to the control plane: stopping job ${agent.jobId}`);
  const cause: StopCause = {
    by: "operator",
    reason: "the agent was interrupted, and the control plane does not answer",
  };
  return stay({ ...agent, state: "stopping-job" }, line, { kind: "stop", cause });
}

function unableToSync(durationMs: number) {
  const time = durationMs < 120_000 ? `${durationMs / 1000} s` : `${Math.round(durationMs / 60_000)} minutes`;
  return log("error", `Unable to sync with Semaphore for over ${time}.`);
}

/** Stops the job; this process does not report its result. */
function abandon(agent: AgentState, how: Shutdown, ...lines: readonly ReturnType<typeof log>[]): Transition {
  if (agent.state === "finished-job") return shutDown(agent, how, ...lines, { kind: "lose" });
  const { jobId } = agent;
  return stay(
    { ...agent, state: "stopping-job", abandoned: how },
    ...lines,
    log("warn", `stopping job ${jobId} without reporting it; its log stays on this host`),
    { kind: "lose" },
    toStop(
      how.contact === "gone"
        ? "the control plane does not know this agent any more"
        : "the control plane cannot be reached",
    ),
  );
}

function toStop(reason: string): Action {
  return { kind: "stop", cause: { by: "agent", reason } };
}
