import type { ChangeJournal, ChangeKind } from "./change-journal.ts";
import { type ChangeReportOptions, createChangeReport } from "./change-report.ts";
import { createCircuit } from "./circuit.ts";
import { findRefusal } from "./refusal.ts";
import {
  type Change,
  createWaitingChanges,
  findSoonest,
  takeNext,
  type WaitingChanges,
} from "./waiting-changes.ts";

/** Changes that the upstream has not got yet. A later change of an object replaces an earlier one. */
export interface WriteBehind extends AsyncDisposable {
  /** Records a change that is about to be made here, so that it is passed on also after a crash. Returns its id. */
  prepare(key: string, kind: ChangeKind): number;
  /** A change that was prepared failed, and is not passed on. */
  cancel(id: number): void;
  /** Passes a change on. */
  add(key: string, kind: ChangeKind, id: number): void;
  readonly waiting: WaitingChanges;
  /** Whether the object is about to be removed from the upstream. */
  isRemoved(key: string): boolean;
}

/** `gone`: the object is not in the cache any more. */
export type WriteOutcome = "written" | "gone";

export interface WriteBehindOptions extends ChangeReportOptions {
  /** Makes one change. */
  readonly write: (key: string, kind: ChangeKind, signal: AbortSignal) => Promise<WriteOutcome>;
  /** Keeps the changes. Those that it has from an earlier process are passed on. */
  readonly journal: ChangeJournal;
  /** Maximum number of changes that wait. Default: 10,000. */
  readonly most?: number;
  /** Milliseconds before the second attempt, doubled with each further one. Default: 1 s. */
  readonly retryMs?: number;
  /** Maximum milliseconds between two attempts. Default: 2 min. */
  readonly mostRetryMs?: number;
  /** Maximum milliseconds that the agent's end waits for changes. Default: 10 s. */
  readonly drainMs?: number;
  /** Called when the changes that wait are others. */
  readonly onWaiting?: (waiting: WaitingChanges) => void;
}

/**
 * Creates the queue. While the upstream takes no changes, they wait, and one of them tries it now and then. A change
 * that the upstream refuses is dropped: the upstream then has an older object, or none.
 */
export function createWriteBehind(options: WriteBehindOptions): WriteBehind {
  const { write, journal, most = 10_000, drainMs = 10_000, onWaiting } = options;
  const running = new Set<string>();
  const report = createChangeReport(options);
  const { changes, put, end, toWaiting } = createWaitingChanges(journal, most, () => report.exceeded(most));
  const circuit = createCircuit(options.retryMs ?? 1000, options.mostRetryMs ?? 120_000);
  const stopped = new AbortController();
  let timer: Timer | undefined;
  let onEmpty: (() => void) | undefined;

  const start = async (key: string, change: Change): Promise<void> => {
    running.add(key);
    const isProbe = circuit.isOpen;
    try {
      const outcome = await write(key, change.kind, stopped.signal);
      if (outcome === "written") circuit.close();
      report[outcome]();
      end(key, change);
    } catch (error) {
      if (stopped.signal.aborted) return;
      const refusal = findRefusal(error);
      if (refusal !== undefined) {
        circuit.close();
        if (changes.get(key) === change) report.refused(refusal, error);
        return end(key, change);
      }
      circuit.fail(change, isProbe);
      report.failed(change.attempts, error, isProbe);
    } finally {
      running.delete(key);
      pump();
    }
  };
  const pump = (): void => {
    clearTimeout(timer);
    if (stopped.signal.aborted) return;
    onWaiting?.(toWaiting());
    if (changes.size === 0) {
      report.idle();
      onEmpty?.();
    }
    const now = performance.now();
    const take = () => takeNext(changes, running, circuit, now);
    for (let next = take(); next; next = take()) void start(...next);
    const soonest = findSoonest(changes, running, circuit, now);
    if (soonest !== undefined) timer = setTimeout(pump, soonest - now + 1);
  };
  for (const { key, kind, id } of journal.left) put(key, kind, id);
  report.found(journal.left.length);
  pump();
  return {
    prepare: journal.begin,
    cancel: journal.end,
    add(key, kind, id) {
      put(key, kind, id);
      pump();
    },
    get waiting() {
      return toWaiting();
    },
    isRemoved: (key) => changes.get(key)?.kind === "remove",
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      onEmpty = resolve;
      const deadline = setTimeout(resolve, drainMs);
      circuit.hasten(changes);
      pump();
      await promise;
      clearTimeout(deadline);
      clearTimeout(timer);
      stopped.abort(new Error("the agent ends"));
      journal[Symbol.dispose]();
      report.ended(changes.size, journal.isKept);
    },
  };
}
