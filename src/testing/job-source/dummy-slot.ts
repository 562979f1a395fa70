import type { AgentSignals, SlotState } from "../../core/contracts/job-source.ts";
import type { StopReason } from "../../core/contracts/agent-status.ts";

/** Keeps a slot's documents as JSON in memory. A second source that gets the same state resumes the first. */
export function createDummyState(
  documents: Map<string, string> = new Map(),
): SlotState & { readonly documents: ReadonlyMap<string, string> } {
  return {
    documents,
    get<T>(name: string) {
      const text = documents.get(name);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    put: (name, document) => void documents.set(name, JSON.stringify(document)),
    remove: (name) => void documents.delete(name),
  };
}

/** The operator's requests to a source, made by a test. */
export interface DummySignals {
  readonly signals: AgentSignals;
  interrupt(): void;
  /** Default: without a reason, as for SIGQUIT. */
  drain(reason?: StopReason): void;
  handOver(): void;
}

export function createDummySignals(): DummySignals {
  const interrupt = new AbortController();
  const drain = new AbortController();
  const handOver = new AbortController();
  let interruptedAt = 0;
  return {
    signals: {
      interrupt: interrupt.signal,
      drain: drain.signal,
      handOver: handOver.signal,
      get interruptedAt() {
        return interruptedAt;
      },
    },
    interrupt() {
      interruptedAt = Math.floor(Date.now() / 1000);
      interrupt.abort();
    },
    drain: (reason) => drain.abort(reason),
    handOver: () => handOver.abort(),
  };
}
