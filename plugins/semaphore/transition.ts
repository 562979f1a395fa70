import {
  type AgentState,
  type Event,
  findOwnReason,
  isIdle,
  isWorking,
  log,
  type Rules,
  settle,
  shutDown,
  stay,
  type Transition,
} from "./agent-state.ts";
import { onFailed } from "./failed-sync.ts";
import type { SyncAction } from "./wire.ts";

/**
 * The transition function of an agent, without side effects: an event goes in, the next state and the actions come out.
 *
 * - Only an acknowledged `finished-job` leads from a job back to waiting (2.7); until then it is repeated unchanged.
 * - An answer counts only for the request it answers, not for a state that the agent has entered since.
 * - After a `shutdown` during a job, the agent reports the job's result before it shuts down (13.4).
 */
export function transition(agent: AgentState, event: Event, rules: Rules): Transition {
  if (agent.shutdown !== undefined) return stay(agent);
  switch (event.kind) {
    case "sent":
      return stay(event.request.state === "waiting-for-jobs" ? { ...agent, isKnownIdle: false } : agent);
    case "answered": {
      const known = {
        goneSince: undefined,
        rejectedSince: undefined,
        isUnconfirmed: false,
        isOwnershipDoubtful: false,
      };
      const next = onAnswered({ ...agent, ...known, lastGoodAt: event.at }, event);
      return agent.isOwnershipDoubtful ? { ...next, actions: [{ kind: "confirm" }, ...next.actions] } : next;
    }
    case "failed":
      return onFailed(agent, event, rules);
    case "job-running":
      return stay(isAt(agent, event.jobId, "starting-job") ? { ...agent, state: "running-job" } : agent);
    case "job-ended":
      return onJobEnded(agent, event);
    case "interrupted":
      if (agent.interruptedAt > 0 || agent.abandoned !== undefined) return stay(agent);
      return stay(
        { ...agent, interruptedAt: event.unixSeconds, interruptedSince: event.at },
        ...(isWorking(agent)
          ? [log("info", `interrupted: job ${agent.jobId} has a grace period of ${rules.gracePeriod} s`)]
          : []),
        { kind: "sync" },
      );
    case "drained":
      return disconnectIfIdle({ ...agent, isDraining: true });
    case "paused":
      return disconnectIfIdle({ ...agent, isPausing: true });
  }
}

/** An agent that may have been given a job learns of it first. */
function disconnectIfIdle(agent: AgentState): Transition {
  const reason = findOwnReason(agent);
  return reason !== undefined && isIdle(agent) && agent.isKnownIdle
    ? shutDown(agent, { reason })
    : stay(agent);
}

type Answered = Extract<Event, { kind: "answered" }>;
type JobEnded = Extract<Event, { kind: "job-ended" }>;

function isAt({ state, jobId }: AgentState, id: string, ...states: readonly string[]): boolean {
  return jobId === id && states.includes(state);
}

function onAnswered(agent: AgentState, { request, action }: Answered): Transition {
  if (agent.abandoned !== undefined) return stay(agent);
  switch (request.state) {
    case "waiting-for-jobs":
      return isIdle(agent) ? onIdleAnswer(agent, action) : stay(agent);
    case "finished-job":
      return isAt(agent, request.jobId, "finished-job") ? onAcknowledged(agent, action) : stay(agent);
    default:
      return agent.jobId === request.jobId ? onBusyAnswer(agent, action) : stay(agent);
  }
}

function onIdleAnswer(agent: AgentState, action: SyncAction): Transition {
  if (action.kind === "run-job") return assign(agent, action.jobId);
  if (action.kind === "shutdown") {
    return shutDown(agent, { reason: action.reason }, logShutdownRequest(action));
  }
  const reason = findOwnReason(agent);
  if (reason !== undefined) return shutDown(agent, { reason });
  return stay({ ...agent, isKnownIdle: true }, ...warnUnknown(action));
}

function onBusyAnswer(agent: AgentState, action: SyncAction): Transition {
  const isOver = agent.state === "stopping-job" || agent.state === "finished-job";
  switch (action.kind) {
    case "stop-job":
      if (isOver) return stay(agent);
      if (action.jobId !== "" && action.jobId !== agent.jobId) {
        return stay(
          agent,
          log("warn", `request to stop job ${action.jobId} ignored: that job does not run here`),
        );
      }
      return stay({ ...agent, state: "stopping-job" }, log("info", `stopping job ${agent.jobId}`), {
        kind: "stop",
        cause: { by: "control-plane", reason: "the control plane has stopped the job" },
      });
    case "shutdown": {
      const requested: AgentState = { ...agent, requestedShutdown: action.reason };
      if (isOver) return stay(requested);
      return stay({ ...requested, state: "stopping-job" }, logShutdownRequest(action), {
        kind: "stop",
        cause: {
          by: "control-plane",
          reason: `the control plane has shut the agent down (reason: ${action.reason})`,
        },
      });
    }
    case "run-job":
      if (action.jobId === agent.jobId) return stay(agent);
      return stay(
        agent,
        log("warn", `request to run job ${action.jobId} ignored: job ${agent.jobId} is still running`),
      );
    default:
      return stay(agent, ...warnUnknown(action));
  }
}

/** Any well-formed answer acknowledges a result. */
function onAcknowledged(agent: AgentState, action: SyncAction): Transition {
  const { jobId, requestedShutdown } = agent;
  const settled = settle(agent);
  if (action.kind === "run-job" && action.jobId !== jobId) {
    const next = assign(settled, action.jobId);
    return stay(next.agent, { kind: "release" }, ...next.actions);
  }
  const reason = action.kind === "shutdown" ? action.reason : (requestedShutdown ?? findOwnReason(agent));
  if (reason === undefined) return stay(settled, { kind: "release" }, ...warnUnknown(action));
  return shutDown(settled, { reason }, { kind: "release" });
}

function assign(agent: AgentState, jobId: string): Transition {
  const assigned: AgentState = { ...agent, state: "starting-job", jobId, isKnownIdle: false };
  return stay(assigned, log("info", `job ${jobId} is assigned`), { kind: "fetch", jobId });
}

function onJobEnded(agent: AgentState, { jobId, result }: JobEnded): Transition {
  if (!isAt(agent, jobId, "starting-job", "running-job", "stopping-job")) return stay(agent);
  const finished: AgentState = { ...agent, state: "finished-job", result };
  const { abandoned } = agent;
  if (abandoned === undefined) {
    return stay(finished, log("info", `job ${jobId}: ${result}`), { kind: "sync" });
  }
  return shutDown(finished, abandoned, ...(abandoned.isReportPending ? [] : [{ kind: "release" } as const]));
}

function logShutdownRequest({ reason }: Extract<SyncAction, { kind: "shutdown" }>) {
  return log("info", `shutdown requested by the control plane (reason: ${reason})`);
}

function warnUnknown(action: SyncAction) {
  return action.kind === "unknown"
    ? [log("warn", `unknown action "${action.word.slice(0, 100)}" in a sync answer ignored`)]
    : [];
}
