/**
 * A queue of numbered steps. A step stays until it is acknowledged, so that it can be sent again after a
 * reconnect.
 */
export interface Outbox {
  /** Queues a step and returns its line. */
  add(step: string): Buffer;
  acknowledge(number: string): void;
  /** Returns the lines without an acknowledgement, in order. */
  waiting(): readonly Buffer[];
}

export function createOutbox(): Outbox {
  const lines = new Map<string, Buffer>();
  let next = 1;
  return {
    add(step) {
      const line = Buffer.from(`${next} ${step} #\n`);
      lines.set(String(next), line);
      next += 1;
      return line;
    },
    acknowledge(number) {
      lines.delete(number);
    },
    waiting: () => [...lines.values()],
  };
}
