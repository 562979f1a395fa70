import type { FaultKind } from "../faults.ts";

/** A request of an agent, as the hub saw it. */
export interface Call {
  /** Unix milliseconds, on arrival. */
  readonly at: number;
  /** `register`, `sync/running-job`, `fetch`, `log`, …: what faults are aimed at. */
  readonly endpoint: string;
  /** Its name, where it is known. */
  readonly agent?: string | undefined;
  readonly jobId?: string | undefined;
  /** Of a register or sync: what was sent, parsed; `undefined` when it was no JSON. */
  readonly body?: unknown;
  /** Of a push. */
  readonly startFrom?: number | undefined;
  readonly bytes: number;
  /** What was decided; `undefined` when it was not processed. */
  readonly status?: number | undefined;
  /** Of a sync: what the agent was told. */
  readonly action?: string | undefined;
  readonly fault?: FaultKind | undefined;
  readonly isDelivered: boolean;
}

export interface Calls {
  /** The latest ones, oldest first. */
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
