import { stderr } from "../../os/this-process/output.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import { exitProgram } from "../../os/this-process/exit-guard.ts";
import { onSignals } from "../signals.ts";
import { print } from "../output/print.ts";

/** A job that runs in this process, as far as signals control it. */
interface StoppableJob {
  stop(cause: StopCause): void;
  kill(cause: StopCause): void;
}

/** Translates signals to this process into stops of the job. */
export interface StopSignals extends Disposable {
  /** Aborts at a signal after the job has ended. */
  readonly afterJob: AbortSignal;
  onStart(job: StoppableJob): void;
  onEnd(): void;
  /** Stops the job as soon as it has started. */
  stop(cause: StopCause): void;
}

/**
 * The first signal stops the job, or will stop it when it starts. The second kills it; before the job has
 * started, it ends the process with `stoppedStatus`.
 */
export function listenForStop({ stoppedStatus }: { readonly stoppedStatus: number }): StopSignals {
  const started = Promise.withResolvers<StoppableJob>();
  const afterJob = new AbortController();
  let phase: "starting" | "running" | "ended" = "starting";
  const signals = onSignals(async (count, name) => {
    if (phase === "ended") return afterJob.abort();
    if (count > 1 && phase === "starting") exitProgram(stoppedStatus);
    const job = await started.promise;
    const cause: StopCause = { by: "operator", reason: `the program received ${name}` };
    if (count > 1) return job.kill(cause);
    print("\nstopping the job; a second signal kills it", stderr());
    job.stop(cause);
  });
  return {
    afterJob: afterJob.signal,
    onStart(job) {
      phase = "running";
      started.resolve(job);
    },
    onEnd: () => void (phase = "ended"),
    stop: (cause) => void started.promise.then((job) => job.stop(cause)),
    [Symbol.dispose]: () => signals[Symbol.dispose](),
  };
}
