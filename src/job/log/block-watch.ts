import type { BlockSource, EndedBlock, EndedPhase } from "../../core/contracts/job-phases.ts";
import type { TimedPull } from "../../core/contracts/job-summary.ts";
import { startStopwatch } from "../stopwatch.ts";

/** Records what a job does. Not awaited, and never throws. */
export interface JobObserver {
  blockEnded(block: EndedBlock): void;
  phaseEnded(phase: EndedPhase): void;
  imagePulled(pull: TimedPull): void;
}

/** Tells a listener of the blocks of a log that have ended. Without a listener nothing is measured. */
export interface BlockWatch {
  /** Never rejects. At most one is called. */
  listener: ((block: EndedBlock) => Promise<void>) | undefined;
  /** Is told before the listener, and also of what happens between the blocks. */
  observer: JobObserver | undefined;
  /** Milliseconds for which the log has waited for the listener. */
  readonly waitedMs: number;
  /** A block begins. Returns a function that tells of its end; `undefined` when no one is told. */
  begin(
    directive: string,
    source: BlockSource,
  ): ((exitCode: number) => Promise<void> | undefined) | undefined;
  wait(told: Promise<void>): Promise<void>;
}

export function createBlockWatch(): BlockWatch {
  let waitedMs = 0;
  const watch: BlockWatch = {
    listener: undefined,
    observer: undefined,
    get waitedMs() {
      return waitedMs;
    },
    begin(directive, source) {
      const { listener, observer } = watch;
      if (!listener && !observer) return undefined;
      const elapsed = startStopwatch();
      return (exitCode) => {
        const block = { directive, source, ...elapsed(), exitCode };
        observer?.blockEnded(block);
        return listener?.(block);
      };
    },
    async wait(told) {
      const begun = performance.now();
      await told;
      waitedMs += performance.now() - begun;
    },
  };
  return watch;
}
