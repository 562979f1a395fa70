import { type Logger, toMessage } from "signalman";

/** Changes that the upstream has not got yet. A later change of an object replaces an earlier one. */
export interface WriteBehind extends AsyncDisposable {
  add(key: string, kind: ChangeKind): void;
  /** Whether the object is about to be removed from the upstream. */
  isRemoved(key: string): boolean;
}

export type ChangeKind = "put" | "remove";

export interface WriteBehindOptions {
  /** Makes one change. Resolves to whether it was still of use. */
  readonly write: (key: string, kind: ChangeKind, signal: AbortSignal) => Promise<boolean>;
  /** Receives how a change ended. */
  readonly count: (outcome: "written" | "dropped") => void;
  readonly logger: Pick<Logger, "warn" | "debug">;
  /** Maximum number of changes that wait. Default: 10,000. */
  readonly most?: number;
  /** Milliseconds before the second attempt, doubled with each further one. Default: 1 s. */
  readonly retryMs?: number;
  /** Maximum milliseconds that the agent's end waits for changes. Default: 10 s. */
  readonly drainMs?: number;
}

interface Change {
  readonly kind: ChangeKind;
  attempts: number;
  notBefore: number;
}

/**
 * Creates the queue. It lives in memory, and a change that fails eight times is dropped: the upstream then has an older
 * state of this object, or none.
 */
export function createWriteBehind(options: WriteBehindOptions): WriteBehind {
  const { write, count, logger, most = 10_000, retryMs = 1000, drainMs = 10_000 } = options;
  const changes = new Map<string, Change>();
  const running = new Set<string>();
  const stopped = new AbortController();
  let timer: Timer | undefined;
  let dropped = 0;
  let onEmpty: (() => void) | undefined;

  const drop = (key: string): void => {
    changes.delete(key);
    dropped += 1;
    count("dropped");
  };
  const start = async (key: string, change: Change): Promise<void> => {
    running.add(key);
    try {
      const isWritten = await write(key, change.kind, stopped.signal);
      if (changes.get(key) === change) changes.delete(key);
      if (isWritten) count("written");
    } catch (error) {
      if (changes.get(key) !== change || stopped.signal.aborted) return;
      change.attempts += 1;
      change.notBefore = performance.now() + retryMs * 2 ** (change.attempts - 1);
      logger.debug(
        `attempt ${change.attempts} to pass on an object of the cache failed: ${toMessage(error)}`,
      );
      if (change.attempts < mostAttempts) return;
      drop(key);
      logger.warn(
        `an object of the cache was not passed on to cache-upstream in ${mostAttempts} attempts, the ${dropped}. that is dropped: ${toMessage(error)}`,
      );
    } finally {
      running.delete(key);
      pump();
    }
  };
  const pump = (): void => {
    clearTimeout(timer);
    if (stopped.signal.aborted) return;
    if (changes.size === 0) onEmpty?.();
    const now = performance.now();
    let next = Infinity;
    for (const [key, change] of changes) {
      if (running.size >= concurrency) return;
      if (running.has(key)) continue;
      if (change.notBefore <= now) void start(key, change);
      else next = Math.min(next, change.notBefore);
    }
    if (next < Infinity) timer = setTimeout(pump, next - now + 1);
  };
  return {
    add(key, kind) {
      if (changes.size >= most && !changes.has(key)) {
        if (dropped === 0)
          logger.warn(`more than ${most} objects wait for cache-upstream: others are dropped`);
        return drop(key);
      }
      changes.delete(key);
      changes.set(key, { kind, attempts: 0, notBefore: 0 });
      pump();
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
      if (changes.size > 0)
        logger.warn(`${changes.size} objects of the cache were not passed on to cache-upstream`);
    },
  };
}

const concurrency = 2;
const mostAttempts = 8;
