import { onAbort } from "signalman";

/** A text that changes, for any number of clients: it is made once, and only while a client waits. */
export interface Feed {
  /**
   * Yields the present text, then each later one at the pace of the client: one that reads slowly misses texts and
   * makes neither memory grow nor others wait. Ends with the signal.
   */
  follow(signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

export interface FeedOptions {
  /** Returns the next text; the same one means that nothing has changed. */
  readonly read: () => string | Promise<string>;
  readonly everyMs: number;
  /** Called when the last client has left. */
  readonly onIdle?: () => void;
}

/** After this time without a change, a client gets a sign of life. */
const quietMs = 10_000;
const ping = Buffer.from("event: ping\ndata:\n\n");

export function createFeed({ read, everyMs, onIdle }: FeedOptions): Feed {
  let clients = 0;
  let version = 0;
  /** Changes when the last client leaves, which ends the updates. */
  let turn = 0;
  let text: string | undefined;
  /** Encoded once for all clients. */
  let bytes = ping;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let changed = Promise.withResolvers<void>();

  const update = async (): Promise<void> => {
    const next = await read();
    if (next === text) return;
    text = next;
    bytes = Buffer.from(next);
    version += 1;
    const { resolve } = changed;
    changed = Promise.withResolvers<void>();
    resolve();
  };
  const tick = (): void => {
    const own = turn;
    timer = setTimeout(() => {
      // A read that fails is tried again: the client sees that nothing arrives.
      void update()
        .catch(() => {})
        .then(() => own === turn && tick());
    }, everyMs);
  };
  const leave = (): void => {
    clients -= 1;
    if (clients > 0) return;
    turn += 1;
    clearTimeout(timer);
    text = undefined;
    onIdle?.();
  };

  return {
    async *follow(signal) {
      clients += 1;
      try {
        if (clients === 1) {
          const own = turn;
          await update();
          if (own === turn) tick();
        }
        for (let seen = -1; !signal.aborted;) {
          if (seen !== version && text !== undefined) {
            seen = version;
            yield bytes;
          } else if (!(await waitFor(changed.promise, signal))) yield ping;
        }
      } finally {
        leave();
      }
    },
  };
}

/** Waits for a change at most for the quiet time. Resolves to whether there is one, or the client has left. */
async function waitFor(change: Promise<void>, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, quietMs, false);
  using _ = onAbort(signal, () => resolve(true));
  try {
    return await Promise.race([change.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Formats a value as a server-sent event. */
export function toServerEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
