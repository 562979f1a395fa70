import { availableParallelism } from "node:os";
import type { Executor } from "../../core/contracts/executor.ts";
import type { JobLimits } from "../../core/contracts/executor-options.ts";
import type { JobUsage } from "../../core/contracts/job-summary.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import { withDeadline } from "../../core/host/deadline.ts";
import type { BlockWatch } from "../log/block-watch.ts";
import { figures, formatBlock, formatLimits, formatSample, mostBlocks, type UsageSample } from "./lines.ts";
import { openTimelineFile } from "./timeline-file.ts";

export interface RecordTimelineOptions {
  readonly path: string;
  readonly limits: JobLimits;
  /** Returns the job's executor, once there is one. */
  readonly executor: () => Pick<Executor, "usage"> | undefined;
  readonly log: { readonly watch: Pick<BlockWatch, "observer">; readonly blocks: number };
  readonly logger: Pick<Logger, "warn">;
}

/** Records what a job uses and does, until disposal. Never throws: a job does not depend on it. */
export function recordTimeline(options: RecordTimelineOptions): Disposable {
  const { log, logger } = options;
  try {
    return record(options);
  } catch (error) {
    log.watch.observer = undefined;
    logger.warn(`the timeline of the job is not recorded: ${toMessage(error)}`);
    return { [Symbol.dispose]() {} };
  }
}

const firstMs = 250;
const everyMs = 1000;
const maxPauseMs = 60_000;
/** An answer takes at most a hundredth of the time: to ask a pod is slow, and costs its node more than a sample. */
const costFactor = 100;
/** The time that an executor has for its answer, and answers in a row that may fail. */
const answerMs = 2000;
const mostFailures = 3;

function record({ path, limits, executor, log }: RecordTimelineOptions): Disposable {
  const file = openTimelineFile(path);
  let timer: ReturnType<typeof setTimeout>;
  let intervalMs = everyMs;
  let failures = 0;
  let blocks = 0;
  let isEnded = false;

  const append = (line: string): void => {
    // A file that was thinned has half of the samples: from now on as many are added.
    if (file.append(line)) intervalMs = Math.min(intervalMs * 2, maxPauseMs);
  };
  const sample = async (): Promise<void> => {
    try {
      const usage = await readFigures(executor());
      if (usage && !isEnded) append(formatSample(usage));
      failures = 0;
    } catch {
      failures += 1;
    }
  };
  const sampleAfter = (pauseMs: number): void => {
    timer = setTimeout(() => void sampleAgain(), pauseMs);
    timer.unref();
  };
  const sampleAgain = async (): Promise<void> => {
    const begun = performance.now();
    await sample();
    if (isEnded || failures >= mostFailures) return;
    const tookMs = performance.now() - begun;
    sampleAfter(Math.min(maxPauseMs, Math.max(intervalMs - tookMs, tookMs * costFactor)));
  };

  append(formatLimits(limits, availableParallelism()));
  log.watch.observer = (block) => {
    if ((blocks += 1) <= mostBlocks) append(formatBlock(log.blocks - 1, block));
  };
  sampleAfter(firstMs);
  return {
    [Symbol.dispose]() {
      isEnded = true;
      clearTimeout(timer);
      log.watch.observer = undefined;
      file[Symbol.dispose]();
    },
  };
}

async function readFigures(executor: Pick<Executor, "usage"> | undefined): Promise<UsageSample | undefined> {
  if (!executor?.usage) return undefined;
  const late = () => new Error("the executor does not answer");
  return toSample(await withDeadline(executor.usage(), answerMs, late));
}

/** Returns `undefined` when no figure is known. A plugin may return anything. */
function toSample(usage: JobUsage): UsageSample | undefined {
  const known = figures.flatMap((name) =>
    Number.isFinite(usage[name]) ? [[name, Math.round(usage[name] ?? 0)] as const] : [],
  );
  return known.length === 0 ? undefined : { at: Date.now(), ...Object.fromEntries(known) };
}
