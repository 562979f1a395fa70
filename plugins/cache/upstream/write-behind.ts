import type { ChangeJournal, ChangeKind } from "./change-journal.ts";
import { type ChangeQueue, createChangeQueue, toProject } from "./change-queue.ts";
import { type ChangeReportOptions, createChangeReport } from "./change-report.ts";

/** Changes that the upstream has not got yet. A later change of an object replaces an earlier one. */
export interface WriteBehind extends AsyncDisposable {
  /** Records a change that is about to be made here, so that it is passed on also after a crash. Returns its id. */
  prepare(key: string, kind: ChangeKind): number;
  /** A change that was prepared failed, and is not passed on. */
  cancel(id: number): void;
  /** Passes a change on. */
  add(key: string, kind: ChangeKind, id: number): void;
  /** The number of changes that wait. */
  readonly waiting: number;
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
  /** Maximum milliseconds that the agent's end waits for changes. Default: 10 s. */
  readonly drainMs?: number;
}

interface Change {
  readonly kind: ChangeKind;
  /** In the journal. */
  readonly id: number;
  attempts: number;
  notBefore: number;
}

/** Creates the queue. A change that fails eight times is dropped: the upstream then has an older object, or none. */
export function createWriteBehind(options: WriteBehindOptions): WriteBehind {
  const { write, journal, most = 10_000, retryMs = 1000, drainMs = 10_000 } = options;
  const changes = createChangeQueue<Change>();
  const running = new Set<string>();
  const report = createChangeReport(options);
  const stopped = new AbortController();
  let timer: Timer | undefined;
  let onEmpty: (() => void) | undefined;

  const end = (key: string, change: Change): void => {
    if (changes.get(key) === change) changes.delete(key);
    journal.end(change.id);
  };
  const start = async (key: string, change: Change): Promise<void> => {
    running.add(key);
    try {
      report[await write(key, change.kind, stopped.signal)]();
      end(key, change);
    } catch (error) {
      if (changes.get(key) !== change || stopped.signal.aborted) return;
      change.attempts += 1;
      change.notBefore = performance.now() + retryMs * 2 ** (change.attempts - 1);
      report.failed(change.attempts, error);
      if (change.attempts < mostAttempts) return;
      end(key, change);
      report.dropped(mostAttempts, error);
    } finally {
      running.delete(key);
      pump();
    }
  };
  const pump = (): void => {
    clearTimeout(timer);
    if (stopped.signal.aborted) return;
    if (changes.size === 0) {
      report.idle();
      onEmpty?.();
    }
    const now = performance.now();
    for (let next = takeNext(changes, running, now); next; next = takeNext(changes, running, now))
      void start(...next);
    // The end of a running change calls this again.
    if (running.size >= concurrency) return;
    const soonest = findSoonest(changes, now);
    if (soonest !== undefined) timer = setTimeout(pump, soonest - now + 1);
  };
  const put = (key: string, kind: ChangeKind, id: number): void => {
    const previous = changes.put(key, { kind, id, attempts: 0, notBefore: 0 });
    if (previous) journal.end(previous.id);
    const excess = changes.size > most ? changes.takeExcess() : undefined;
    if (excess === undefined) return;
    journal.end(excess.id);
    report.exceeded(most);
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
      return changes.size;
    },
    isRemoved: (key) => changes.get(key)?.kind === "remove",
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      onEmpty = resolve;
      const deadline = setTimeout(resolve, drainMs);
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

function takeNext(changes: ChangeQueue<Change>, running: ReadonlySet<string>, now: number) {
  if (running.size >= concurrency) return undefined;
  const busy = [...running].map(toProject);
  return changes.take(
    (project) => busy.filter((each) => each === project).length < projectConcurrency,
    (key, { notBefore }) => notBefore <= now && !running.has(key),
  );
}

function findSoonest(changes: Iterable<Change>, now: number): number | undefined {
  let soonest: number | undefined;
  for (const { notBefore } of changes)
    if (notBefore > now && (soonest === undefined || notBefore < soonest)) soonest = notBefore;
  return soonest;
}

const concurrency = 4;
/** So that large objects of one project do not take the turns of others. */
const projectConcurrency = 2;
const mostAttempts = 8;
