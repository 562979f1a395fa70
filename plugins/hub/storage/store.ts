import { toMessage } from "signalman";

/** Stores a hub's state. Changes are queued in memory and are durable once `commit` resolves. */
export interface Store {
  /** Queues a value. It is serialized at commit, with all changes until then. */
  put(key: string, value: object): void;
  putBytes(key: string, bytes: Uint8Array): void;
  remove(key: string): void;
  /**
   * Resolves once all queued changes survive `kill -9` and a loss of power. Rejects with every error: a
   * change that can never be written is dropped, and after an error of the disk the changes stay queued.
   */
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
    const errors: unknown[] = [];
    for (const [index, [key, read]] of entries.entries()) {
      try {
        const bytes = read();
        await (bytes === undefined ? disk.remove(key) : disk.write(key, bytes));
      } catch (error) {
        errors.push(error);
        if (isPermanent(error)) continue;
        // Unwritten changes stay queued; newer changes of the same keys replace them.
        pending = new Map([...entries.slice(index), ...pending]);
        break;
      }
    }
    if (errors.length > 0) throw toError(errors);
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

/**
 * Codes of errors that every attempt to write a change meets: its key or its value is the cause, and not the
 * disk.
 */
const permanentCodes: ReadonlySet<string> = new Set([
  "EILSEQ",
  "ENAMETOOLONG",
  "ERR_INVALID_ARG_TYPE",
  "ERR_INVALID_ARG_VALUE",
  "ERR_STRING_TOO_LONG",
]);

/** Errors without a code are those of the serialization and of the storage package. */
function isPermanent(error: unknown): boolean {
  const { code } = Object(error) as NodeJS.ErrnoException;
  return typeof code !== "string" || permanentCodes.has(code);
}

function toError(errors: readonly unknown[]): unknown {
  return errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(toMessage).join("; "));
}
