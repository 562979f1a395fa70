import type { ExecutorContext, ProgressReader } from "../../core/contracts/executor.ts";

/** What the executor of a job shows of its progress. */
export interface ExecutorProgress {
  readonly show: ExecutorContext["showProgress"];
  /** Returns the progress of all steps that run. Never throws. */
  readonly read: ProgressReader;
}

export function createExecutorProgress(): ExecutorProgress {
  const readers = new Set<ProgressReader>();
  const readOne = (read: ProgressReader): string[] => {
    try {
      const text = read();
      return text ? [text] : [];
    } catch {
      // A fault of a plugin must not end the program, and is not shown four times a second.
      readers.delete(read);
      return [];
    }
  };
  return {
    show(read) {
      // A reader that is shown twice ends twice.
      const own: ProgressReader = () => read();
      readers.add(own);
      return { [Symbol.dispose]: () => void readers.delete(own) };
    },
    read: () => [...readers].flatMap(readOne).join("; ") || undefined,
  };
}
