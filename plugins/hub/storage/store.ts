/** Stores a hub's state. Changes are queued in memory and are durable once `commit` resolves. */
export interface Store {
  /** Queues a value. It is serialized at commit, with all changes until then. */
  put(key: string, value: object): void;
  putBytes(key: string, bytes: Uint8Array): void;
  remove(key: string): void;
  /** Resolves once all queued changes survive `kill -9` and a loss of power. */
  commit(): Promise<void>;
}

/** The storage that a store writes to. */
export interface Disk {
  write(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

/** A store that discards all changes, for a hub that keeps its state in memory only. */
export const memoryStore: Store = {
  put() {},
  putBytes() {},
  remove() {},
  async commit() {},
};

/** Writes changes one after another, in order. Concurrent calls of `commit` share one write. */
export function createStore(disk: Disk): Store {
  let pending = new Map<string, () => Uint8Array | undefined>();
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  const enqueue = (key: string, read: () => Uint8Array | undefined): void => {
    pending.delete(key);
    pending.set(key, read);
  };
  const flush = async (): Promise<void> => {
    const entries = [...pending];
    pending = new Map();
    let refusal: unknown;
    for (const [index, [key, read]] of entries.entries()) {
      try {
        const bytes = read();
        await (bytes === undefined ? disk.remove(key) : disk.write(key, bytes));
      } catch (error) {
        // The storage itself refuses the change, and not the disk: it is reported once, and dropped.
        if (typeof (error as NodeJS.ErrnoException).code !== "string") {
          refusal = error;
          continue;
        }
        // Unwritten changes stay queued; newer changes of the same keys replace them.
        pending = new Map([...entries.slice(index), ...pending]);
        throw error;
      }
    }
    if (refusal !== undefined) throw refusal;
  };
  return {
    put: (key, value) => enqueue(key, () => Buffer.from(JSON.stringify(value))),
    putBytes: (key, bytes) => enqueue(key, () => bytes),
    remove: (key) => enqueue(key, () => undefined),
    commit() {
      next ??= running
        .catch(() => {})
        .then(() => {
          next = undefined;
          running = flush();
          return running;
        });
      return next;
    },
  };
}
