import type { JobUsage } from "../../core/contracts/job-summary.ts";
import type { Session } from "../session/session.ts";

/** A job whose session is open, with whatever else the executor needs for its calls. */
export interface OpenJob {
  readonly session: Session;
}

/** What `open` of a session executor receives. */
export interface Opening {
  /** Aborts when the job is stopped while it starts. */
  readonly signal: AbortSignal;
  /** Names what knows the job's figures, as soon as it exists. A later one replaces it. */
  measure(meter: Meter): void;
}

/** Measures what a job uses. Neither method may throw. */
export interface Meter {
  /** Takes the figures of the running job. Called before they are read, and before the job is ended. */
  look(): unknown;
  /** The figures of the last look, and what is known without one; also after disposal. */
  read(): JobUsage;
}

/** How much time the end of a job has. */
export interface Ending {
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** Aborts when the grace period is over earlier. */
  readonly now: AbortSignal;
}

interface Parts<Job extends OpenJob> {
  open(opening: Opening): Promise<Job | number>;
  end(job: Job | undefined, ending: Ending): Promise<void>;
}

/** The states of a job in an executor: not started, starting, running, stopped, disposed. */
export interface JobLife<Job extends OpenJob> {
  start(signal: AbortSignal): Promise<number>;
  /** Resolves to 1 when the job does not run, and when it ends meanwhile. */
  attempt(work: (job: Job) => Promise<number>): Promise<number>;
  /** Returns the job while it runs. */
  findRunning(): Job | undefined;
  isStopped(): boolean;
  stop(graceMs: number): Promise<void>;
  usage(): Promise<JobUsage>;
  dispose(graceMs: number): Promise<void>;
}

export function createJobLife<Job extends OpenJob>(
  parts: Parts<Job>,
  dispose: () => Promise<void>,
): JobLife<Job> {
  const stopping = new AbortController();
  const now = new AbortController();
  let job: Job | undefined;
  let meter: Meter | undefined;
  let isStarted = false;
  let opened: Promise<void> = Promise.resolve();
  let ended: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  const isStopped = () => ended !== undefined;
  const findRunning = () => (isStarted && !isStopped() ? job : undefined);

  async function look(): Promise<void> {
    if (job) await meter?.look();
  }

  async function end(graceMs: number): Promise<void> {
    await opened;
    await look();
    await parts.end(job, { graceMs, now: now.signal });
  }

  function stop(graceMs: number): Promise<void> {
    if (isStopped()) setTimeout(() => now.abort(), graceMs).unref();
    stopping.abort(new Error("the job was stopped"));
    ended ??= end(graceMs);
    return ended;
  }

  return {
    async start(signal) {
      if (isStopped()) return 1;
      const either = AbortSignal.any([signal, stopping.signal]);
      const opening = parts.open({ signal: either, measure: (next) => (meter = next) });
      const keep = (result: Job | number) => void (typeof result !== "number" && (job = result));
      opened = opening.then(keep, () => {});
      try {
        const result = await opening;
        await opened;
        if (either.aborted) return 1;
        isStarted = typeof result !== "number";
        return typeof result === "number" ? result : 0;
      } catch (error) {
        if (either.aborted) return 1;
        throw error;
      }
    },
    async attempt(work) {
      const running = findRunning();
      if (!running) return 1;
      try {
        return await work(running);
      } catch (error) {
        const { session } = running;
        if (!isStopped() && (session.alive || error === session.failure)) throw error;
        return 1;
      }
    },
    findRunning,
    isStopped,
    stop,
    async usage() {
      if (findRunning()) await look();
      return meter?.read() ?? {};
    },
    async dispose(graceMs) {
      disposed ??= stop(graceMs).finally(dispose);
      await disposed;
    },
  };
}
