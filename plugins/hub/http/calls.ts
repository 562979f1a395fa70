import type { FaultKind } from "../faults.ts";

/** A recorded request of an agent. */
export interface Call {
  /** Time of arrival in unix milliseconds. */
  readonly at: number;
  /** `register`, `sync/running-job`, `fetch`, `log`, …: the endpoint that fault rules match. */
  readonly endpoint: string;
  /** Name of the agent, if known. */
  readonly agent?: string | undefined;
  readonly jobId?: string | undefined;
  /** Parsed body of a registration or sync; `undefined` when it is not JSON. */
  readonly body?: unknown;
  /** `start_from` of a log push. */
  readonly startFrom?: number | undefined;
  /** Size of the body. */
  readonly bytes: number;
  /** HTTP status of the answer, also of one that was not sent; `undefined` for an unprocessed request. */
  readonly status?: number | undefined;
  /** Action in the answer to a sync. */
  readonly action?: string | undefined;
  readonly fault?: FaultKind | undefined;
  readonly isDelivered: boolean;
}

/** The record of requests. */
export interface Calls {
  /** The latest requests, oldest first. */
  readonly list: readonly Call[];
  add(call: Call): void;
}

export function createCalls(limit = 10_000): Calls {
  const list: Call[] = [];
  return {
    list,
    add(call) {
      list.push(call);
      if (list.length > limit) list.splice(0, limit >> 1);
    },
  };
}
