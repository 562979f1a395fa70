import { test } from "bun:test";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { JobSource } from "../../core/contracts/job-source.ts";
import type { StopReason } from "../../core/contracts/agent-status.ts";
import { silentLogger } from "../loggers.ts";
import { createDummyJobs, type DummyJobs } from "./dummy-jobs.ts";
import {
  createDummyAdmission,
  createDummySignals,
  createDummyState,
  type DummyAdmission,
  type DummySignals,
} from "./dummy-slot.ts";

/** A job source that `testJobSource` tests. */
export interface JobSourceSubject {
  readonly name: string;
  /** Creates a control plane without jobs. */
  create(): TestControlPlane | Promise<TestControlPlane>;
  /** Creates a source that cannot start. The test of a failed start is left out without it. */
  createBroken?(): JobSource;
  /** Time-out of each test. Default: 20 s. */
  readonly timeoutMs?: number;
}

/** A control plane with one agent, and the sources that connect to it. */
export interface TestControlPlane extends Partial<AsyncDisposable> {
  /** Creates a source, as the plugin provides it. Called again for a restart of the agent. */
  open(): JobSource;
  /** Queues a job for the agent, and returns its id. */
  submit(): string | Promise<string>;
  /** Results that the control plane has acknowledged, in order. */
  results(): readonly ReportedResult[] | Promise<readonly ReportedResult[]>;
  /**
   * Makes the next reports of a result fail temporarily. The test of such failures is left out without it.
   */
  failReports?(times: number): void | Promise<void>;
  /** Stops the running job. The test of a stop is left out without it. */
  stop?(jobId: string): void | Promise<void>;
  /** Queues a job that no agent can run. The test of such jobs is left out without it. */
  submitInvalid?(): string | Promise<string>;
}

/** A result that the control plane of a test has received. */
export interface ReportedResult {
  readonly jobId: string;
  readonly result: JobResult;
}

/** A running source in a slot. */
export interface RunningSource
  extends Omit<DummySignals, "signals">, Pick<DummyAdmission, "pause" | "resume"> {
  readonly jobs: DummyJobs;
  readonly reason: Promise<StopReason>;
  readonly registrations: readonly { readonly name: string; readonly controlPlane: string }[];
  readonly drains: readonly StopReason[];
  /** Ids of jobs that were released before the control plane had acknowledged a result. */
  prematureReleases(): Promise<readonly string[]>;
  /** Ids of jobs that were started while the slot was paused. */
  readonly startedInPause: readonly string[];
  /** Resolves once `synced` was called. */
  readonly synced: Promise<void>;
}

/** A control plane, and the sources of one slot that run after one another on the same state. */
export interface Scene extends AsyncDisposable {
  readonly plane: TestControlPlane;
  start(
    left?: readonly { readonly request: JobRequest; readonly result?: JobResult }[],
    options?: { readonly isPaused: boolean },
  ): RunningSource;
  /** Resolves when the control plane has acknowledged that many results. */
  reported(count: number): Promise<readonly ReportedResult[]>;
}

/** Registers a test with a control plane of its own. */
export function factsOf(subject: JobSourceSubject) {
  return (name: string, work: (scene: Scene) => Promise<void>): void =>
    test(
      name,
      async () => {
        await using scene = await createScene(subject);
        await work(scene);
      },
      subject.timeoutMs ?? 20_000,
    );
}

async function createScene(subject: JobSourceSubject): Promise<Scene> {
  const plane = await subject.create();
  const state = createDummyState();
  const running: RunningSource[] = [];
  return {
    plane,
    start(left = [], { isPaused } = { isPaused: false }) {
      const door = createDummyAdmission();
      if (isPaused) door.pause();
      const source = startSource(plane, { state, left, door });
      running.push(source);
      return source;
    },
    async reported(count) {
      for (;;) {
        const results = await plane.results();
        if (results.length >= count) return results;
        await Bun.sleep(2);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const source of running) source.handOver();
      await Promise.allSettled(running.map(({ reason }) => reason));
      await plane[Symbol.asyncDispose]?.();
    },
  };
}

function startSource(
  plane: TestControlPlane,
  {
    state,
    left,
    door,
  }: {
    readonly state: ReturnType<typeof createDummyState>;
    readonly left: Parameters<Scene["start"]>[0];
    readonly door: DummyAdmission;
  },
): RunningSource {
  const registrations: { name: string; controlPlane: string }[] = [];
  const drains: StopReason[] = [];
  const startedInPause: string[] = [];
  const releases: Promise<string | undefined>[] = [];
  const synced = Promise.withResolvers<void>();
  const isAcknowledged = async (id: string) => (await plane.results()).some(({ jobId }) => jobId === id);
  const jobs = createDummyJobs({
    ...(left && { left }),
    onStart({ id }) {
      if (door.admission.paused.aborted) startedInPause.push(id);
    },
    onRelease: ({ request: { id } }) =>
      void releases.push(isAcknowledged(id).then((is) => (is ? undefined : id))),
  });
  const { signals, ...controls } = createDummySignals();
  const reason = plane.open().run({
    version: "v1.2.3",
    slot: 0,
    slots: 1,
    logger: silentLogger,
    state,
    jobs,
    signals,
    admission: door.admission,
    registered: async (name, controlPlane) => void registrations.push({ name, controlPlane }),
    synced: () => synced.resolve(),
    draining: async (why) => void drains.push(why),
  });
  // A test that ends early does not await the reason.
  reason.catch(() => {});
  return {
    ...controls,
    pause: door.pause,
    resume: door.resume,
    startedInPause,
    jobs,
    reason,
    registrations,
    drains,
    synced: synced.promise,
    prematureReleases: async () => (await Promise.all(releases)).filter((id) => id !== undefined),
  };
}
