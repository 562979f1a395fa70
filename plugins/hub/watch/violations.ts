import type { Store } from "../storage/store.ts";

/** The rules of the protocol that the hub checks, with their meaning (protocol section 13). */
export const rules = {
  "register-body": "a registration has exactly the ten keys, each of its type",
  "sync-body": "a sync has exactly the four keys, each of its type",
  "sync-state": "the state is one of the five states",
  "sync-early": "a sync waits for next_sync_after, unless a job finishes or the agent is interrupted",
  "sync-late": "an idle agent syncs every 3 minutes, a busy one every 15, a new one within a minute",
  "job-id-missing": "job_id is sent from starting-job to finished-job",
  "job-id-wrong": "job_id is the id of the assigned job",
  "result-missing": "finished-job comes with passed, failed or stopped",
  "result-changed": "finished-job is repeated with the same result",
  "job-abandoned": "no waiting-for-jobs before finished-job is acknowledged",
  "disconnect-with-job": "no disconnect with an unreported job",
  "fetched-again": "a job is fetched once, unless the answer is lost",
  "push-overlap": "an agent has one log push in flight",
  "push-size": "a push has at most 2000 events",
  "push-gap": "start_from is the number of accepted events",
  "push-back": "start_from goes back no further than to the last batch",
  "push-rewrite": "accepted events are not sent again with other contents",
  "push-after-end": "the whole log is pushed before finished-job",
  "push-after-trim": "nothing is pushed after a 422",
  "log-incomplete": "job_finished is pushed before finished-job",
  "event-invalid": "an event has its fields, each of its type, none of them null",
  "event-order": "commands are paired and not nested, output is inside commands, job_finished is last",
} as const;

export type Rule = keyof typeof rules;

/** A violation of the protocol by an agent. */
export interface Violation {
  readonly number: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly rule: Rule;
  /** Name of the agent; empty when it is unknown. */
  readonly agent: string;
  readonly jobId?: string;
  readonly detail: string;
}

export interface Recorder {
  record(rule: Rule, about: { agent: string; jobId?: string | undefined; detail: string }): void;
}

export interface Violations extends Recorder {
  /** All violations, oldest first; the list is live. */
  readonly list: readonly Violation[];
  clear(): void;
}

/** Maximum number of recorded violations, which bounds memory. */
const limit = 10_000;

export function createViolations(store: Store, now: () => number, list: Violation[] = []): Violations {
  let next = (list.at(-1)?.number ?? 0) + 1;
  return {
    list,
    record(rule, { agent, jobId, detail }) {
      if (list.length >= limit) return;
      const about = jobId === undefined ? { agent } : { agent, jobId };
      const violation: Violation = { number: next++, at: now(), rule, ...about, detail };
      list.push(violation);
      store.put(`violations:${violation.number}`, violation);
    },
    clear() {
      for (const { number } of list) store.remove(`violations:${number}`);
      list.length = 0;
    },
  };
}
