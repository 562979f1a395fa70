/** A queue of numbered steps. It keeps each step until it is acknowledged, so that another connection can send it again. */
export interface Outbox {
  /** Gives the line that carries the step. */
  add(step: string): Buffer;
  acknowledge(number: string): void;
  /** Lines without an acknowledgement, in order. */
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
