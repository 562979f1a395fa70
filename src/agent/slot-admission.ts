import type { Admission, Pause, SlotAdmission } from "../core/contracts/admission.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { untilAborted } from "../core/aborted.ts";
import { toSpan } from "../core/text/amounts.ts";
import { type AdmissionVerdict, createAdmissionCheck, type SlotRefusal } from "./admission-check.ts";
import { createPauseHooks } from "./lifecycle.ts";
import type { SlotListener, SlotNotifier } from "./slot-notifier.ts";

/** What all slots of an agent have in common. */
export interface AdmissionSettings {
  readonly providers: ReadonlyMap<string, Admission>;
  /** Milliseconds between two checks of a slot without a job (`admission-interval`). */
  readonly intervalMs: number;
  /** Milliseconds for which a slot stays paused at least (`admission-pause`). */
  readonly pauseMs: number;
  /** Milliseconds for which an answer is awaited. Default: 10 s. */
  readonly answerMs?: number;
}

export interface SlotAdmissionOptions extends AdmissionSettings {
  readonly notifier: SlotNotifier;
  readonly logger: Logger;
}

/** The admission of one slot. Disposal ends its checks. */
export interface OpenSlotAdmission extends SlotAdmission, Disposable {}

/** Opens the admission of a slot. The checks begin when the source asks for the first time. */
export function openSlotAdmission(options: SlotAdmissionOptions): OpenSlotAdmission {
  const { providers, notifier, logger } = options;
  if (providers.size === 0) return createOpenDoor();
  const ended = new AbortController();
  const state = createPauseState(options);
  const checks = createChecks(options, { ended: ended.signal, onVerdict: state.take });
  notifier.listen({
    ...checks.listener,
    "agent:job-started"() {
      if (checks.isStarted) return;
      const names = [...providers.keys()].join('", "');
      logger.warn(`admission "${names}" has no effect: the job source does not ask before it takes jobs`);
    },
  });
  return {
    get paused() {
      checks.start();
      return state.signal;
    },
    async admitted(signal) {
      checks.start();
      await checks.answered(signal);
      while (state.signal.aborted && !signal.aborted) await untilAborted(signal, state.resumed);
    },
    disconnected: () => void notifier.notify("disconnected", {}),
    [Symbol.dispose]: () => ended.abort(),
  };
}

function createOpenDoor(): OpenSlotAdmission {
  return {
    paused: new AbortController().signal,
    async admitted() {},
    disconnected() {},
    [Symbol.dispose]() {},
  };
}

/** The checks of a slot: at an interval while no job runs, and as soon as a job has ended. */
function createChecks(
  options: SlotAdmissionOptions,
  { ended, onVerdict }: { readonly ended: AbortSignal; onVerdict(verdict: AdmissionVerdict): void },
) {
  const ask = createAdmissionCheck({ ...options, slot: options.notifier.slot });
  let isStarted = false;
  let isRunning = false;
  /** Numbers of checks that were asked for, and that were answered. */
  let demanded = 1;
  let answered = 0;
  let wake = Promise.withResolvers<void>();
  let round = Promise.withResolvers<void>();

  async function work(): Promise<void> {
    while (!ended.aborted) {
      wake = Promise.withResolvers();
      if (!isRunning) {
        const count = demanded;
        const verdict = await ask(ended);
        if (ended.aborted) return;
        onVerdict(verdict);
        answered = count;
        round.resolve();
        round = Promise.withResolvers();
      }
      if (answered < demanded && !isRunning) continue;
      const timer = setTimeout(wake.resolve, options.intervalMs);
      await untilAborted(ended, wake.promise);
      clearTimeout(timer);
    }
  }

  const begin = (): void => void (isRunning = true);
  const end = (): void => {
    if (!isRunning) return;
    isRunning = false;
    demanded += 1;
    wake.resolve();
  };
  const listener: SlotListener = {
    jobFollowed: begin,
    jobFinished: end,
    "agent:job-ended": end,
    jobReleased: end,
  };
  return {
    listener,
    get isStarted() {
      return isStarted;
    },
    start() {
      if (isStarted) return;
      isStarted = true;
      void work();
    },
    /** Resolves when a check was answered that began after the last job had ended. */
    async answered(signal: AbortSignal): Promise<void> {
      const count = demanded;
      const isOver = () => answered >= count || signal.aborted;
      while (!isOver()) await untilAborted(signal, round.promise);
    },
  };
}

/** Whether the slot is paused. It is resumed by two checks in a row that pass, after `pauseMs` at the earliest. */
function createPauseState({ notifier, logger, pauseMs }: SlotAdmissionOptions) {
  const hooks = createPauseHooks(notifier);
  let controller = new AbortController();
  let resumed = Promise.withResolvers<void>();
  let pause: Pause | undefined;
  let pausedAt = 0;
  let passes = 0;
  let shownFaults: readonly string[] = [];

  function begin(refusal: SlotRefusal): void {
    pause = { ...refusal, since: Date.now() };
    pausedAt = performance.now();
    const until = pause.until === undefined ? "" : `, until ${pause.until}`;
    logger.warn(`slot paused by plugin "${pause.plugin}": ${pause.reason}${until}`);
    void hooks.paused(pause);
    controller.abort(pause);
  }

  function end(): void {
    const durationMs = performance.now() - pausedAt;
    logger.info(`slot resumed after a pause of ${toSpan(durationMs / 1000, 0)}`);
    pause = undefined;
    controller = new AbortController();
    void hooks.resumed(durationMs);
    resumed.resolve();
    resumed = Promise.withResolvers();
  }

  return {
    get signal() {
      return controller.signal;
    },
    get resumed() {
      return resumed.promise;
    },
    take({ refusal, faults }: AdmissionVerdict): void {
      if (faults.length + shownFaults.length > 0) void notifier.notify("admissionFaults", { faults });
      shownFaults = faults;
      passes = refusal === undefined ? passes + 1 : 0;
      if (pause === undefined) {
        if (refusal !== undefined) begin(refusal);
      } else if (refusal !== undefined) {
        pause = { ...refusal, since: pause.since };
        void notifier.notify("pauseChanged", pause);
      } else if (passes >= 2 && performance.now() - pausedAt >= pauseMs) end();
    },
  };
}
