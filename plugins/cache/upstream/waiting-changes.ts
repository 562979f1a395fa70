import type { ChangeJournal, ChangeKind } from "./change-journal.ts";
import { type ChangeQueue, createChangeQueue, toProject } from "./change-queue.ts";
import type { Attempts, Circuit } from "./circuit.ts";

export interface WaitingChanges {
  readonly count: number;
  /** Unix milliseconds of the earliest one. */
  readonly since: number | undefined;
}

export interface Change extends Attempts {
  readonly kind: ChangeKind;
  /** In the journal. */
  readonly id: number;
}

/** Creates the list of changes that wait, which the journal has as well. `onExcess` is called for each excess one. */
export function createWaitingChanges(journal: ChangeJournal, most: number, onExcess: () => void) {
  const changes = createChangeQueue<Change>();
  return {
    changes,
    put(key: string, kind: ChangeKind, id: number): void {
      const previous = changes.put(key, { kind, id, attempts: 0, notBefore: 0 });
      if (previous) journal.end(previous.id);
      const excess = changes.size > most ? changes.takeExcess() : undefined;
      if (excess === undefined) return;
      journal.end(excess.id);
      onExcess();
    },
    end(key: string, change: Change): void {
      if (changes.get(key) === change) changes.delete(key);
      journal.end(change.id);
    },
    toWaiting: (): WaitingChanges => ({
      count: changes.size,
      since: changes.size > 0 ? journal.since : undefined,
    }),
  };
}

/** Returns a change that may begin now. */
export function takeNext(
  changes: ChangeQueue<Change>,
  running: ReadonlySet<string>,
  circuit: Circuit,
  now: number,
) {
  if (running.size >= toLimit(circuit) || now < circuit.retryAt) return undefined;
  const busy = [...running].map(toProject);
  return changes.take(
    (project) => busy.filter((each) => each === project).length < projectConcurrency,
    (key, { notBefore }) => notBefore <= now && !running.has(key),
  );
}

/** Returns when the next change may begin; `undefined` when the end of a running one tells. */
export function findSoonest(
  changes: Iterable<Change>,
  running: ReadonlySet<string>,
  circuit: Circuit,
  now: number,
): number | undefined {
  if (running.size >= toLimit(circuit)) return undefined;
  if (now < circuit.retryAt) return circuit.retryAt;
  let soonest: number | undefined;
  for (const { notBefore } of changes)
    if (notBefore > now && (soonest === undefined || notBefore < soonest)) soonest = notBefore;
  return soonest;
}

function toLimit({ isOpen }: Circuit): number {
  return isOpen ? 1 : concurrency;
}

const concurrency = 4;
/** So that large objects of one project do not take the turns of others. */
const projectConcurrency = 2;
