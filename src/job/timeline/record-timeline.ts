import { availableParallelism } from "node:os";
import type { Executor } from "../../core/contracts/executor.ts";
import type { JobLimits } from "../../core/contracts/executor-options.ts";
import type { JobUsage } from "../../core/contracts/job-summary.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import { withDeadline } from "../../core/host/deadline.ts";
import type { BlockWatch } from "../log/block-watch.ts";
import {
  figures,
  formatBlock,
  formatFrame,
  formatPhase,
  formatPull,
  formatSample,
  mostBlocks,
  mostSpans,
  toLimits,
  type UsageSample,
} from "./lines.ts";
import { openTimelineFile } from "./timeline-file.ts";

export interface RecordTimelineOptions {
  readonly path: string;
  /** Those of the options; the executor may know of others. */
  readonly limits: JobLimits;
  readonly assignedAt?: number | undefined;
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

function record({ path, limits, assignedAt, executor, log }: RecordTimelineOptions): Disposable {
  const file = openTimelineFile(path);
  let timer: ReturnType<typeof setTimeout>;
  let intervalMs = everyMs;
  let failures = 0;
  let blocks = 0;
  let spans = 0;
  let frame = "";
  let isEnded = false;

  const append = (line: string): void => {
    // A file that was thinned has half of the samples: from now on as many are added.
    if (file.append(line)) intervalMs = Math.min(intervalMs * 2, maxPauseMs);
  };
  const setFrame = (own: JobUsage["limits"]): void => {
    const known = { limits: { ...limits, ...toLimits(own) }, processors: availableParallelism(), assignedAt };
    const next = formatFrame(known);
    if (next !== frame) append(next);
    frame = next;
  };
  const addSpan = (line: string): void => {
    if ((spans += 1) <= mostSpans) append(line);
  };
  const sample = async (): Promise<void> => {
    try {
      const usage = await readUsage(executor());
      if (usage && !isEnded) {
        setFrame(usage.limits);
        const figures = toSample(usage);
        if (figures) append(formatSample(figures));
      }
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

  setFrame(undefined);
  log.watch.observer = {
    blockEnded(block) {
      if ((blocks += 1) <= mostBlocks) append(formatBlock(log.blocks - 1, block));
    },
    phaseEnded: (phase) => addSpan(formatPhase(phase)),
    imagePulled: (pull) => addSpan(formatPull(pull)),
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

async function readUsage(executor: Pick<Executor, "usage"> | undefined): Promise<JobUsage | undefined> {
  if (!executor?.usage) return undefined;
  const late = () => new Error("the executor does not answer");
  return withDeadline(executor.usage(), answerMs, late);
}

/** Returns `undefined` when no figure is known. A plugin may return anything. */
function toSample(usage: JobUsage): UsageSample | undefined {
  const known = figures.flatMap((name) =>
    Number.isFinite(usage[name]) ? [[name, Math.round(usage[name] ?? 0)] as const] : [],
  );
  return known.length === 0 ? undefined : { at: Date.now(), ...Object.fromEntries(known) };
}
