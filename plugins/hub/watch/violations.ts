import type { Store } from "../storage/store.ts";

/** The rules that are watched, with what each says (protocol section 13). */
export const rules = {
  "register-body": "a registration has exactly the ten keys, each of its type",
  "sync-body": "a sync has exactly the four keys, each of its type",
  "sync-state": "the state is one of the five words",
  "sync-early": "a sync waits for next_sync_after, unless a job finished or an interruption came",
  "sync-late": "an idle agent syncs every 3 minutes, a busy one every 15, a new one within a minute",
  "job-id-missing": "job_id is sent from starting-job to finished-job",
  "job-id-wrong": "job_id is the one of the assigned job",
  "result-missing": "finished-job comes with passed, failed or stopped",
  "result-changed": "finished-job is repeated with the same result",
  "job-abandoned": "no waiting-for-jobs before finished-job is acknowledged",
  "disconnect-with-job": "no disconnect with an unreported job",
  "fetched-again": "a job is fetched once, unless the answer was lost",
  "push-overlap": "one log push in flight",
  "push-size": "2000 events in one push at most",
  "push-gap": "start_from is the number of events that were accepted",
  "push-back": "start_from goes back to the last batch at most",
  "push-rewrite": "events that were accepted are not sent again with other contents",
  "push-after-end": "the whole log is pushed before finished-job",
  "push-after-trim": "nothing is pushed after a 422",
  "log-incomplete": "job_finished is pushed before finished-job",
  "event-invalid": "an event has its fields, each of its type, none of them null",
  "event-order": "commands are paired and not nested, output is inside of them, job_finished is last",
} as const;

export type Rule = keyof typeof rules;

/** A breach of the protocol by an agent. */
export interface Violation {
  readonly number: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly rule: Rule;
  /** Its name; empty when it is not known. */
  readonly agent: string;
  readonly jobId?: string;
  readonly detail: string;
}

export interface Recorder {
  record(rule: Rule, about: { agent: string; jobId?: string | undefined; detail: string }): void;
}

export interface Violations extends Recorder {
  /** Live, oldest first. */
  readonly list: readonly Violation[];
  clear(): void;
}

/** Memory is bounded: who breaks a rule with every request is known by then. */
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
