/** Returns a random integer with `from <= n < to`. */
export type Between = (from: number, to: number) => number;

/** A job for crash tests. */
export interface CrashJob {
  readonly request: { readonly env_vars: readonly unknown[]; readonly commands: readonly string[] };
  /** The output of its loops, which they also append to the file `wrote`. */
  readonly output: string;
  /** Approximate running time. */
  readonly durationMs: number;
}

/**
 * Creates a random job. A third of the jobs are short, so that crashes also occur at their start and end;
 * some print as fast as they can. Each run appends a character to the file `ran` and leaves a background
 * process with `word` in its arguments. A long job does not end by itself, however late it is killed.
 */
export function createCrashJob(
  between: Between,
  names: { readonly word: string; readonly ran: string; readonly wrote: string; readonly isLong: boolean },
): CrashJob {
  const { word, ran, wrote, isLong } = names;
  const kind = isLong ? "medium" : (["short", "medium", "flood"] as const)[between(0, 3)];
  const commands = [`echo -n 1 >> ${ran}; (sleep ${word} &)`];
  let output = "";
  let durationMs = 0;
  const blocks = kind === "short" ? 1 : 4;
  for (let block = 0; block < blocks; block++) {
    if (kind === "flood") {
      const count = between(1000, 6000);
      const line = (i: number | string) => `${block}-${i}-${"x".repeat(20)}`;
      commands.push(`for i in $(seq ${count}); do echo ${line("$i")}; done | tee -a ${wrote}`);
      output += Array.from({ length: count }, (_, index) => `${line(index + 1)}\n`).join("");
      durationMs += 100;
      continue;
    }
    const [count, length] = [between(5, 30), between(1, 400)];
    const line = (i: number | string) => `${block}-${i}-${"x".repeat(length)}`;
    const blockMs = kind === "short" ? between(1, 50) : between(150, 400);
    const pause = (blockMs / 1000 / count).toFixed(4);
    commands.push(
      `for i in $(seq ${count}); do echo ${line("$i")} >> ${wrote}; echo ${line("$i")}; sleep ${pause}; done`,
    );
    output += Array.from({ length: count }, (_, index) => `${line(index + 1)}\n`).join("");
    durationMs += blockMs;
  }
  if (isLong) commands.push(`sleep ${word}`);
  // The hub replaces the value once an agent has fetched the request.
  const variable = { name: "PLAIN_VARIABLE", value: btoa("x") };
  return { request: { env_vars: [variable], commands }, output, durationMs };
}

/** Creates a random generator in [0, 1) that is the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
