/** Changes that wait, by their keys. Projects have their turns, so that none waits for all changes of another one. */
export interface ChangeQueue<T> extends Iterable<T> {
  readonly size: number;
  get(key: string): T | undefined;
  /** Puts a change behind the others of its project. Returns the one that it replaces. */
  put(key: string, change: T): T | undefined;
  delete(key: string): void;
  /** Returns the first change that is ready, of the first free project that has one, which is the last from then on. */
  take(
    isFree: (project: string) => boolean,
    isReady: (key: string, change: T) => boolean,
  ): readonly [key: string, change: T] | undefined;
  /** Removes and returns the last change of the project that has the most. */
  takeExcess(): T | undefined;
}

/** A key begins with its project. */
export function toProject(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

export function createChangeQueue<T>(): ChangeQueue<T> {
  const projects = new Map<string, Map<string, T>>();
  let size = 0;
  const remove = (key: string): void => {
    const project = toProject(key);
    const own = projects.get(project);
    if (own?.delete(key) !== true) return;
    size -= 1;
    if (own.size === 0) projects.delete(project);
  };
  return {
    get size() {
      return size;
    },
    get: (key) => projects.get(toProject(key))?.get(key),
    put(key, change) {
      const project = toProject(key);
      const own = projects.get(project) ?? new Map<string, T>();
      projects.set(project, own);
      const previous = own.get(key);
      if (!own.delete(key)) size += 1;
      own.set(key, change);
      return previous;
    },
    delete: remove,
    take(isFree, isReady) {
      for (const [project, own] of projects) {
        if (!isFree(project)) continue;
        for (const [key, change] of own) {
          if (!isReady(key, change)) continue;
          projects.delete(project);
          projects.set(project, own);
          return [key, change];
        }
      }
      return undefined;
    },
    takeExcess() {
      let largest: ReadonlyMap<string, T> = new Map();
      for (const own of projects.values()) if (own.size > largest.size) largest = own;
      const last = [...largest].at(-1);
      if (last) remove(last[0]);
      return last?.[1];
    },
    *[Symbol.iterator]() {
      for (const own of projects.values()) yield* own.values();
    },
  };
}
