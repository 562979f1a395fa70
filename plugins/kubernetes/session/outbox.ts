/**
 * A queue of numbered steps. A step stays until it is acknowledged, so that it can be sent again after a
 * reconnect.
 */
export interface Outbox {
  /** Queues a step and returns its line. */
  add(step: string): Buffer;
  /** Number of the step that is added next. */
  readonly next: number;
  acknowledge(number: string): void;
  /** Returns the lines without an acknowledgement, in order. */
  waiting(): readonly Buffer[];
}

/** `owner`: number of the job's process; `first`: number of its first step. */
export function createOutbox(owner: number, first: number): Outbox {
  const lines = new Map<string, Buffer>();
  let next = first;
  return {
    get next() {
      return next;
    },
    add(step) {
      const line = Buffer.from(`${owner}.${next} ${step} #\n`);
      lines.set(`${owner}.${next}`, line);
      next += 1;
      return line;
    },
    acknowledge(number) {
      lines.delete(number);
    },
    waiting: () => [...lines.values()],
  };
}
