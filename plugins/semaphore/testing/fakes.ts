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

/** A job that a test controls. `stop` ends it with the result `stopped`, unless `isStubborn` is set. */
export interface FakeJob {
  readonly request: JobRequest;
  /** Why the job failed before it started. */
  readonly reason: string | undefined;
  readonly delivery: JobDelivery;
  readonly stops: number;
  readonly isReleased: boolean;
  finish(result: JobResult): void;
}

export interface FakeJobs extends Jobs {
  /** All jobs that were started, failed or claimed, in order. */
  readonly all: readonly FakeJob[];
  /** Resolves with the job at this index once it exists. */
  at(index: number): Promise<FakeJob>;
}

export interface FakeJobsOptions {
  /** The requests of jobs that an earlier process left, with the results of finished ones. */
  readonly left?: readonly { readonly request: JobRequest; readonly result?: JobResult }[];
  readonly isStubborn?: boolean;
  /** Called when a job is started. May throw or delay the start. */
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

/** Keeps documents as JSON in memory. */
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

/** Polls until the value exists. The test's own time-out limits it. */
export async function until<T>(find: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    await Bun.sleep(2);
  }
}
