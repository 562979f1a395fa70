/** Runs one change of each object at a time. */
export interface NameLocks {
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function createNameLocks(): NameLocks {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run(name, work) {
      const before = last.get(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      last.set(name, promise);
      try {
        await before;
        return await work();
      } finally {
        resolve();
        if (last.get(name) === promise) last.delete(name);
      }
    },
  };
}
