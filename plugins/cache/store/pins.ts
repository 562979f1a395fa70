/** Content that is being read. What is removed meanwhile stays on disk until its last reader is done. */
export interface Pins {
  /** Keeps the content of a generation until the result is disposed. */
  pin(generation: string): Disposable;
  isPinned(generation: string): boolean;
  /** Runs `remove` now, or when the generation's last reader is done. Resolves when it has run. */
  whenFree(generation: string, remove: () => Promise<void>): Promise<void>;
}

export function createPins(): Pins {
  const pinned = new Map<string, { readers: number; free: (() => void)[] }>();
  return {
    pin(generation) {
      const own = pinned.get(generation) ?? { readers: 0, free: [] };
      own.readers += 1;
      pinned.set(generation, own);
      let isHeld = true;
      return {
        [Symbol.dispose]() {
          if (!isHeld) return;
          isHeld = false;
          own.readers -= 1;
          if (own.readers > 0) return;
          pinned.delete(generation);
          for (const free of own.free) free();
        },
      };
    },
    isPinned: (generation) => pinned.has(generation),
    whenFree(generation, remove) {
      const own = pinned.get(generation);
      if (own === undefined) return remove();
      return new Promise<void>((resolve) => own.free.push(resolve)).then(remove);
    },
  };
}
