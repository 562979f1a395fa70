import type { Executor, ExecutorContext } from "../../core/contracts/executor.ts";
import type { Output } from "../../core/contracts/job-log.ts";
import { executorContext, tmpdir } from "../fixtures.ts";
import { createCapture } from "../job-log.ts";

/** An executor to be put through {@link testExecutor}. */
export interface ExecutorSubject {
  readonly name: string;
  /** Makes one for a job, as the service's `create` does. */
  create(context: ExecutorContext): Executor;
  /** Makes one that cannot start. Without it, those tests are left out. */
  createBroken?(context: ExecutorContext): Executor;
  /** Whether its commands are those of a POSIX shell. Default: `true`. Without one, what needs it is left out. */
  readonly shell?: boolean;
  /** How its commands are written when they are no shell's. */
  readonly commands?: CommandWords;
  /** Deadline of each test. Default: 20 s. */
  readonly timeoutMs?: number;
}

export interface CommandWords {
  print(text: string): string;
  exit(code: number): string;
  sleep(seconds: number): string;
}

export const shellWords: CommandWords = {
  print: (text) => `printf '%s\\n' '${text.replaceAll("'", String.raw`'\''`)}'`,
  exit: (code) => `(exit ${code})`,
  sleep: (seconds) => `sleep ${seconds}`,
};

/** What a call came to: its exit code, and what it gave out (as UTF-8, the terminal's `\r\n` as `\n`). */
export interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** A call under way. */
export interface Call {
  /** Resolves once the output contains `text`. */
  seen(text: string): Promise<void>;
  /** What it has given out so far, as it came. */
  bytes(): Uint8Array;
  readonly done: Promise<Outcome>;
}

export interface Bench extends AsyncDisposable {
  readonly executor: Executor;
  /** Makes a call and watches its output. */
  begin(call: (executor: Executor, output: Output) => Promise<number>): Call;
  /** Runs a command to its end. */
  run(directive: string): Promise<Outcome>;
}

/** An executor in a directory of its own. Disposal fails when output came after its call had resolved. */
export async function createBench(create: ExecutorSubject["create"]): Promise<Bench> {
  const directory = await tmpdir();
  const executor = create(executorContext(directory.path));
  const late: string[] = [];

  const begin: Bench["begin"] = (call) => {
    const capture = createCapture();
    const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
    let over = false;
    const tell = (): void => {
      for (const { text, resolve } of waiting) if (capture.text().includes(text)) resolve();
    };
    const output: Output = (chunk) => {
      if (over) late.push(String(chunk));
      capture.output(chunk);
      if (waiting.length > 0) tell();
    };
    const done = call(executor, output).then((code) => {
      over = true;
      return { code, text: capture.text() };
    });
    return {
      done,
      bytes: capture.bytes,
      seen(text) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.push({ text, resolve });
        tell();
        return promise;
      },
    };
  };

  return {
    executor,
    begin,
    run: (directive) => begin((it, output) => it.run(directive, output)).done,
    async [Symbol.asyncDispose]() {
      await executor[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
      if (late.length > 0) throw new Error(`output after its call had resolved: ${late.join("")}`);
    },
  };
}

/** The same, started. */
export async function createStartedBench(create: ExecutorSubject["create"]): Promise<Bench> {
  const bench = await createBench(create);
  const code = await bench.executor.start(new AbortController().signal);
  if (code !== 0) throw new Error(`start answered ${code}`);
  return bench;
}
