/** What a hub keeps beyond its own life. Changes are noted at once, and last when `commit` resolves. */
export interface Store {
  /** The value is read when it is written, so that it may still change until then. */
  put(key: string, value: object): void;
  putBytes(key: string, bytes: Uint8Array): void;
  remove(key: string): void;
  /** Everything that was noted before is safe, even from `kill -9` and loss of power. */
  commit(): Promise<void>;
}

/** Where the store writes. */
export interface Disk {
  write(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Keeps nothing. */
export const forgetfulStore: Store = {
  put() {},
  putBytes() {},
  remove() {},
  async commit() {},
};

/** Writes one thing after another, in the order of the changes; calls of `commit` share what they can. */
export function createStore(disk: Disk): Store {
  let pending = new Map<string, () => Uint8Array | undefined>();
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  const note = (key: string, read: () => Uint8Array | undefined): void => {
    pending.delete(key);
    pending.set(key, read);
  };
  const flush = async (): Promise<void> => {
    const entries = [...pending];
    pending = new Map();
    for (const [index, [key, read]] of entries.entries()) {
      try {
        const bytes = read();
        await (bytes === undefined ? disk.remove(key) : disk.write(key, bytes));
      } catch (error) {
        // What was not written stays to be written, unless it has changed since.
        pending = new Map([...entries.slice(index), ...pending]);
        throw error;
      }
    }
  };
  return {
    put: (key, value) => note(key, () => Buffer.from(JSON.stringify(value))),
    putBytes: (key, bytes) => note(key, () => bytes),
    remove: (key) => note(key, () => undefined),
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
