/** Watches how long the output of a job stays away at the server. */
export interface Silence {
  /** Begins again. */
  restart(): void;
  /** Ends the watch, and prints when the output came back after the longest silence since the last start. */
  report(what: string): Promise<void>;
}

/** `length` resolves to the length of the job's output at the server. The watch ends when it rejects. */
export function watchSilence(length: () => Promise<number>): Silence {
  const over = new AbortController();
  let [startedAt, longestMs, backAt] = [0, 0, 0];
  const restart = () => void ([startedAt, longestMs, backAt] = [performance.now(), 0, 0]);
  const watch = async (): Promise<void> => {
    let known = await length();
    let knownAt = performance.now();
    while (!over.signal.aborted) {
      await Bun.sleep(50);
      const now = await length();
      if (now === known) continue;
      const at = performance.now();
      if (at - knownAt > longestMs) [longestMs, backAt] = [at - knownAt, at];
      [known, knownAt] = [now, at];
    }
  };
  restart();
  const watched = watch();
  // `report` shows the error.
  watched.catch(() => {});
  return {
    restart,
    async report(what) {
      over.abort();
      await watched;
      const [back, longest] = [backAt - startedAt, longestMs].map((ms) => (ms / 1000).toFixed(1));
      console.log(`${what}: the job's next byte at the server after ${back} s (silent for ${longest} s)`);
    },
  };
}
