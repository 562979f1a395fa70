import type { Pause, SlotAdmission } from "../../core/contracts/admission.ts";
import type { AgentSignals, SlotState } from "../../core/contracts/job-source.ts";
import type { StopReason } from "../../core/contracts/agent-status.ts";
import { untilAborted } from "../../core/aborted.ts";

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

/** Creates the signals of an operator, which a test gives. */
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

/** The admission of a source's slot, decided by a test. It is not paused at first. */
export interface DummyAdmission {
  readonly admission: SlotAdmission;
  pause(reason?: string): void;
  resume(): void;
  /** Whether the source has disconnected the slot since the last pause. */
  readonly isDisconnected: boolean;
}

/** Creates the admission of a slot, which a test pauses and resumes. */
export function createDummyAdmission(): DummyAdmission {
  let controller = new AbortController();
  let resumed = Promise.withResolvers<void>();
  let isDisconnected = false;
  return {
    get isDisconnected() {
      return isDisconnected;
    },
    admission: {
      get paused() {
        return controller.signal;
      },
      async admitted(signal) {
        while (controller.signal.aborted && !signal.aborted) await untilAborted(signal, resumed.promise);
      },
      disconnected: () => void (isDisconnected = true),
    },
    pause(reason = "the test refuses jobs") {
      isDisconnected = false;
      controller.abort({ reason, plugin: "test", since: Date.now() } satisfies Pause);
    },
    resume() {
      controller = new AbortController();
      resumed.resolve();
      resumed = Promise.withResolvers();
    },
  };
}
