/** Steps on their way: numbered, and kept until they are acknowledged, so that another connection can send them again. */
export interface Outbox {
  /** Gives the line that carries the step. */
  add(step: string): Buffer;
  acknowledge(number: string): void;
  /** Lines that nobody has acknowledged, in order. */
  waiting(): readonly Buffer[];
  /** Resolves when nothing waits. */
  emptied(): Promise<void>;
}

export function createOutbox(): Outbox {
  const lines = new Map<string, Buffer>();
  let next = 1;
  let empty = Promise.withResolvers<void>();
  empty.resolve();
  return {
    add(step) {
      if (lines.size === 0) empty = Promise.withResolvers();
      const line = Buffer.from(`${next} ${step} #\n`);
      lines.set(String(next), line);
      next += 1;
      return line;
    },
    acknowledge(number) {
      if (lines.delete(number) && lines.size === 0) empty.resolve();
    },
    waiting: () => [...lines.values()],
    emptied: () => empty.promise,
  };
}
