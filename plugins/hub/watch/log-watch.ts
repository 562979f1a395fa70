import { type Push, batchLimit, parseStartFrom } from "../model/log-ingest.ts";
import { type LogList, readLines, toLines, toBatch } from "../model/log-list.ts";
import { type HubState, logOf } from "../model/state.ts";
import { createEventGrammar, type EventGrammar } from "./event-grammar.ts";
import type { Recorder, Rule } from "./violations.ts";

/** Checks the logs that agents push. */
export interface LogWatch {
  /** A push begins. `end` is called when its request is answered or its connection is closed. */
  begin(jobId: string): { end(how: PushEnd): void };
  /** An authorized push is about to be processed. */
  push(push: Push): void;
  /** An authorized push was processed. */
  pushed(push: Push, status: number): void;
  /** An injected fault affected a push or its answer. */
  faultInjected(jobId: string): void;
  /** `finished-job` was accepted for this job. */
  finished(jobId: string, agent: string): void;
}

export interface PushEnd {
  /** Whether the answer was sent completely, as far as the hub can tell. */
  readonly isAnswered: boolean;
  /** Whether the agent has closed the connection. */
  readonly isSocketClosed: () => boolean;
}

/** What the watch knows of one log. */
interface WatchedLog {
  grammar: EventGrammar;
  /** Number of events that the grammar has checked. */
  checked: number;
  /** Whether checked events were overwritten. */
  isRewritten: boolean;
  /** The pushes in flight, each with the number of pushes that began during it. */
  readonly inFlight: Set<{ overlaps: number }>;
  hadFault: boolean;
}

/** The close of an abandoned connection may be seen this much later than the answer is sent. */
const closeDelayMs = 200;

export function createLogWatch(state: HubState, recorder: Recorder): LogWatch {
  const logs = new Map<string, WatchedLog>();
  const watchedLog = (jobId: string): WatchedLog => {
    const log = logs.get(jobId) ?? watchFromHere(logOf(state, jobId).live);
    logs.set(jobId, log);
    return log;
  };
  const about = (jobId: string): { agent: string; jobId: string } => ({
    agent: state.jobs.get(jobId)?.agentName ?? "",
    jobId,
  });

  return {
    begin(jobId) {
      const { inFlight } = watchedLog(jobId);
      for (const other of inFlight) other.overlaps += 1;
      const push = { overlaps: 0 };
      inFlight.add(push);
      return {
        end({ isAnswered, isSocketClosed }) {
          inFlight.delete(push);
          if (!isAnswered || push.overlaps === 0) return;
          // A push that the agent had given up is no violation; its closed connection may be seen late.
          setTimeout(() => {
            if (isSocketClosed()) return;
            const detail = `${push.overlaps + 1} pushes in flight`;
            recorder.record("push-overlap", { ...about(jobId), detail });
          }, closeDelayMs).unref();
        },
      };
    },
    push(push) {
      const { jobId } = push;
      const isRewrite = checkPush(state, push, (rule, detail) =>
        recorder.record(rule, { ...about(jobId), detail }),
      );
      if (isRewrite) watchedLog(jobId).isRewritten = true;
    },
    pushed({ jobId }, status) {
      const log = watchedLog(jobId);
      if (status !== 200) return;
      checkNewEvents(log, logOf(state, jobId).live, (rule, detail) =>
        recorder.record(rule, { ...about(jobId), detail }),
      );
    },
    faultInjected: (jobId) => void (watchedLog(jobId).hadFault = true),
    finished(jobId, agent) {
      const log = logOf(state, jobId);
      const { grammar, hadFault } = watchedLog(jobId);
      if (log.live.length === 0 || log.isTrimmed || grammar.isFinished || hadFault) return;
      const detail = `${log.live.length} events without job_finished`;
      recorder.record("log-incomplete", { agent, jobId, detail });
    },
  };
}

/** Starts to watch a log. Events that were stored by an earlier process are not reported. */
function watchFromHere(live: LogList): WatchedLog {
  return {
    grammar: replay(live),
    checked: live.length,
    isRewritten: false,
    inFlight: new Set(),
    hadFault: false,
  };
}

function checkNewEvents(
  log: WatchedLog,
  live: LogList,
  report: (rule: "event-invalid" | "event-order", detail: string) => void,
): void {
  if (log.isRewritten || live.length < log.checked) {
    log.grammar = replay(live);
    log.checked = live.length;
    log.isRewritten = false;
  }
  while (log.checked < live.length) {
    for (const line of toLines(live.read(log.checked))) {
      const fault = log.grammar.check(line);
      if (fault !== undefined) report(fault.rule, `event ${log.checked}: ${fault.detail}`);
      log.checked += 1;
    }
  }
}

function replay(list: LogList): EventGrammar {
  const grammar = createEventGrammar();
  for (const line of readLines(list, 0, list.length)) grammar.check(line);
  return grammar;
}

/** Checks the size and the position of a push. Returns whether it changes accepted events. */
function checkPush(
  state: HubState,
  { jobId, startFrom, body }: Push,
  report: (rule: Rule, detail: string) => void,
): boolean {
  const log = logOf(state, jobId);
  const from = parseStartFrom(startFrom);
  const batch = toBatch(body);
  if (batch.count > batchLimit) report("push-size", `${batch.count} events`);
  if (from === undefined || batch.count === 0) return false;
  const job = state.jobs.get(jobId);
  // The agent may not know that its job was failed.
  if (job?.isGivenUp === true) return false;
  if (job?.tornDownAt !== undefined) report("push-after-end", `start_from ${from}`);
  else if (log.isTrimmed) report("push-after-trim", `start_from ${from}`);
  else if (from > log.live.length) report("push-gap", `start_from ${from} after ${log.live.length} events`);
  else if (from < log.lastFrom) report("push-back", `start_from ${from}, last batch from ${log.lastFrom}`);
  const accepted = readLines(log.live, from, batch.count);
  const changed = toLines(batch).findIndex(
    (line, index) => index < accepted.length && line !== accepted[index],
  );
  if (changed === -1 || log.isTrimmed) return false;
  report("push-rewrite", `event ${from + changed}`);
  return true;
}
