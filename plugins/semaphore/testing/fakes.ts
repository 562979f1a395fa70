import type {
  AgentJob,
  AgentSignals,
  JobDelivery,
  JobOutcome,
  JobRequest,
  JobResult,
  Jobs,
  SlotState,
} from "signalman";

/** A job that does what a test says. `stop` ends it with `stopped`, unless it is stubborn. */
export interface FakeJob {
  readonly request: JobRequest;
  /** Why it failed before it began. */
  readonly reason: string | undefined;
  readonly delivery: JobDelivery;
  readonly stops: number;
  readonly isReleased: boolean;
  finish(result: JobResult): void;
}

export interface FakeJobs extends Jobs {
  /** All that were started, failed or claimed, in order. */
  readonly all: readonly FakeJob[];
  /** Resolves with the job at this place, once it is there. */
  at(index: number): Promise<FakeJob>;
}

export interface FakeJobsOptions {
  /** Requests of jobs that an earlier process has left, and their results where they are over. */
  readonly left?: readonly { readonly request: JobRequest; readonly result?: JobResult }[];
  readonly isStubborn?: boolean;
  /** Called when a job is kept; may throw, and may take its time. */
  readonly onStart?: (request: JobRequest) => void | Promise<void>;
}

export function createFakeJobs({ left = [], isStubborn, onStart }: FakeJobsOptions = {}): FakeJobs {
  const all: FakeJob[] = [];

  const add = (request: JobRequest, delivery: JobDelivery, reason?: string, result?: JobResult): AgentJob => {
    const done = Promise.withResolvers<JobOutcome>();
    const fake = {
      request,
      reason,
      delivery,
      stops: 0,
      isReleased: false,
      finish: (result: JobResult) =>
        done.resolve({
          summary: { result, durationMs: 1, log: { events: 1, bytes: 1, droppedBytes: 0 } },
          log: { trimmed: false, undelivered: 0 },
        }),
    };
    if (reason !== undefined) fake.finish("failed");
    if (result !== undefined) fake.finish(result);
    all.push(fake);
    return {
      id: request.id,
      request,
      done: done.promise,
      stop() {
        fake.stops += 1;
        if (!isStubborn) fake.finish("stopped");
      },
      kill: () => fake.finish("stopped"),
      release: async () => void (fake.isReleased = true),
    };
  };

  return {
    all,
    left: left.map(({ request, result }) => ({
      id: request.id,
      claim: async (delivery: JobDelivery) => add(request, delivery, undefined, result),
    })),
    async at(index) {
      return until(() => all[index]);
    },
    expect() {},
    async start(request, delivery) {
      await onStart?.(request);
      return add(request, delivery);
    },
    fail: async (request, reason, delivery) => add(request, delivery, reason),
  };
}

/** Keeps JSON in memory, as a file would. */
export function createFakeState(documents = new Map<string, string>()): SlotState & { dump(): string } {
  return {
    get<T>(name: string) {
      const text = documents.get(name);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    put: (name, document) => void documents.set(name, JSON.stringify(document)),
    remove: (name) => void documents.delete(name),
    dump: () => JSON.stringify([...documents]),
  };
}

export interface FakeSignals {
  readonly signals: AgentSignals;
  interrupt(): void;
  drain(): void;
  handOver(): void;
}

export function createFakeSignals(): FakeSignals {
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
    drain: () => drain.abort(),
    handOver: () => handOver.abort(),
  };
}

/** Waits for something to be there. The test's own deadline ends it otherwise. */
export async function until<T>(find: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    await Bun.sleep(2);
  }
}
