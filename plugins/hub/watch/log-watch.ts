import { batchLimit, parseStartFrom, type Push } from "../model/log-ingest.ts";
import { type LogList, readLines, toBatch, toLines } from "../model/log-list.ts";
import { type HubState, logOf } from "../model/state.ts";
import { createEventGrammar, type EventGrammar } from "./event-grammar.ts";
import type { Recorder } from "./violations.ts";

/** Looks at what agents push. */
export interface LogWatch {
  /** A push arrives; `end` when its connection has nothing more to give or take. */
  begin(jobId: string): { end(how: PushEnd): void };
  /** Before it is taken. Its token is good. */
  push(push: Push): void;
  /** After it was taken, or not. */
  pushed(push: Push, status: number): void;
  /** Something kept a push from the hub, or its answer from the agent. */
  troubled(jobId: string): void;
  /** finished-job was accepted for this job. */
  finished(jobId: string, agent: string): void;
}

export interface PushEnd {
  /** The answer went out whole, as far as the hub can tell. */
  readonly isAnswered: boolean;
  /** Whether the other side has closed the connection. */
  readonly hasLeft: () => boolean;
}

/** What is known of one log. */
interface Seen {
  grammar: EventGrammar;
  /** So many events were checked. */
  checked: number;
  /** Something that was checked is not there any more. */
  isRewritten: boolean;
  /** Each push in flight, with how many others began beside it. */
  readonly inFlight: Set<{ beside: number }>;
  isTroubled: boolean;
}

export function createLogWatch(state: HubState, recorder: Recorder): LogWatch {
  const seen = new Map<string, Seen>();

  /** A log that an earlier process took is believed. */
  const of = (jobId: string): Seen => {
    const known = seen.get(jobId);
    if (known !== undefined) return known;
    const { live } = logOf(state, jobId);
    const fresh: Seen = {
      grammar: readAll(live),
      checked: live.length,
      isRewritten: false,
      inFlight: new Set(),
      isTroubled: false,
    };
    seen.set(jobId, fresh);
    return fresh;
  };
  const about = (jobId: string): { agent: string; jobId: string } => ({
    agent: state.jobs.get(jobId)?.agentName ?? "",
    jobId,
  });

  return {
    begin(jobId) {
      const { inFlight } = of(jobId);
      for (const other of inFlight) other.beside += 1;
      const mine = { beside: 0 };
      inFlight.add(mine);
      return {
        end({ isAnswered, hasLeft }) {
          inFlight.delete(mine);
          if (!isAnswered || mine.beside === 0) return;
          // Who had given it up before the answer came has closed its connection, which may be seen only now.
          setTimeout(() => {
            if (!hasLeft()) {
              const detail = `${mine.beside + 1} at once`;
              recorder.record("push-overlap", { ...about(jobId), detail });
            }
          }, leaveMs).unref();
        },
      };
    },
    push({ jobId, startFrom, body }) {
      const log = logOf(state, jobId);
      const from = parseStartFrom(startFrom);
      const batch = toBatch(body);
      const note = (rule: Parameters<Recorder["record"]>[0], detail: string): void =>
        recorder.record(rule, { ...about(jobId), detail });
      if (batch.count > batchLimit) note("push-size", `${batch.count} events`);
      if (from === undefined || batch.count === 0) return;
      const job = state.jobs.get(jobId);
      if (job?.isGivenUp === true) return;
      if (job?.tornDownAt !== undefined) note("push-after-end", `start_from ${from}`);
      else if (log.isTrimmed) note("push-after-trim", `start_from ${from}`);
      else if (from > log.live.length) note("push-gap", `start_from ${from} after ${log.live.length} events`);
      else if (from < log.lastFrom)
        note("push-back", `start_from ${from}, the last batch was from ${log.lastFrom}`);
      const old = readLines(log.live, from, batch.count);
      const changed = toLines(batch).findIndex((line, index) => index < old.length && line !== old[index]);
      if (changed === -1 || log.isTrimmed) return;
      note("push-rewrite", `event ${from + changed}`);
      of(jobId).isRewritten = true;
    },
    pushed({ jobId }, status) {
      const log = of(jobId);
      if (status !== 200) return;
      const { live } = logOf(state, jobId);
      if (log.isRewritten || live.length < log.checked) {
        log.grammar = readAll(live);
        log.checked = live.length;
        log.isRewritten = false;
      }
      while (log.checked < live.length) {
        const part = live.read(log.checked);
        for (const line of toLines(part)) {
          const fault = log.grammar.check(line);
          if (fault !== undefined)
            recorder.record(fault.rule, { ...about(jobId), detail: `event ${log.checked}: ${fault.detail}` });
          log.checked += 1;
        }
      }
    },
    troubled: (jobId) => void (of(jobId).isTroubled = true),
    finished(jobId, agent) {
      const log = logOf(state, jobId);
      const { grammar, isTroubled } = of(jobId);
      if (log.live.length === 0 || log.isTrimmed || grammar.isFinished || isTroubled) return;
      recorder.record("log-incomplete", {
        agent,
        jobId,
        detail: `${log.live.length} events, none is job_finished`,
      });
    },
  };
}

const leaveMs = 200;

function readAll(list: LogList): EventGrammar {
  const grammar = createEventGrammar();
  for (const line of readLines(list, 0, list.length)) grammar.check(line);
  return grammar;
}
