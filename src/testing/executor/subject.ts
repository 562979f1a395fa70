import type { CleanUpContext, Executor, ExecutorContext } from "../../core/contracts/executor.ts";
import type { Output } from "../../core/contracts/job-log.ts";
import { executorContext, tmpdir } from "../fixtures.ts";
import { createCapture } from "../job-log.ts";

/** An executor that {@link testExecutor} tests. */
export interface ExecutorSubject {
  readonly name: string;
  /** Creates an executor for a job, as the `create` of the service does. */
  create(context: ExecutorContext): Executor;
  /** Creates an executor that cannot start. The tests of a failed start are left out without it. */
  createBroken?(context: ExecutorContext): Executor;
  /**
   * Whether commands are scripts of a POSIX shell. Default: `true`. The tests that need a shell are left out
   * otherwise.
   */
  readonly shell?: boolean;
  /** Syntax of the commands of an executor without a shell. */
  readonly commands?: CommandWords;
  /** For executors that have `cleanUp`. The tests of the clean-up are left out without it. */
  readonly cleanUp?: CleanUpSubject;
  /**
   * Order in which exported variables are reported. Default: `name`, sorted; `request`: as in the job
   * request.
   */
  readonly exportOrder?: "name" | "request";
  /**
   * Whether the executor has `openSession`, which needs a shell. Default: `true`.
   */
  readonly sideSessions?: boolean;
  /**
   * Whether a further session sees the processes of the running one. Default: `true`. Behind a command prefix
   * with namespaces of its own it does not, and has only the variables that the agent has exported.
   */
  readonly seesSession?: boolean;
  /** Time-out of each test. Default: 20 s. */
  readonly timeoutMs?: number;
}

/** The clean-up of an executor that leaves something outside the host's processes. */
export interface CleanUpSubject {
  /** Calls `cleanUp` of the service. */
  run(context: CleanUpContext): Promise<void>;
  /**
   * Lists what exists of a job outside the host's processes (the names of its containers, pods), in a fixed
   * order.
   */
  find(agentId: string, jobId: string): Promise<readonly string[]>;
}

/** Builds the commands that the tests run. */
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

/** The exit code of a call, and its output (as UTF-8, with the terminal's `\r\n` as `\n`). */
export interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** A running call. */
export interface Call {
  /** Resolves once the output contains `text`. */
  seen(text: string): Promise<void>;
  /** The unchanged output so far. */
  bytes(): Uint8Array;
  readonly done: Promise<Outcome>;
}

/** An executor under test. */
export interface Bench extends AsyncDisposable {
  readonly executor: Executor;
  /** Starts a call and collects its output. */
  begin(call: (executor: Executor, output: Output) => Promise<number>): Call;
  /** Runs a command to its end. */
  run(directive: string): Promise<Outcome>;
}

/**
 * Creates an executor with a directory of its own. Disposal throws if output arrived after its call had
 * resolved.
 */
export async function createBench(create: ExecutorSubject["create"]): Promise<Bench> {
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await tmpdir());
  const home = cleanup.use(await tmpdir());
  const context = executorContext(directory.path);
  // The login profile of the user who runs the tests may be slow, and may leave a lock behind when it is killed.
  const executor = create({ ...context, environment: { ...context.environment, HOME: home.path } });
  cleanup.use(executor);
  const late: string[] = [];

  const begin: Bench["begin"] = (call) => {
    const capture = createCapture();
    const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
    let over = false;
    const notify = (): void => {
      for (const { text, resolve } of waiting) if (capture.text().includes(text)) resolve();
    };
    const output: Output = (chunk) => {
      if (over) late.push(String(chunk));
      capture.output(chunk);
      if (waiting.length > 0) notify();
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
        notify();
        return promise;
      },
    };
  };

  const owned = cleanup.move();
  return {
    executor,
    begin,
    run: (directive) => begin((it, output) => it.run(directive, output)).done,
    async [Symbol.asyncDispose]() {
      await owned.disposeAsync();
      if (late.length > 0) throw new Error(`output after its call had resolved: ${late.join("")}`);
    },
  };
}

/** Creates an executor and starts it. */
export async function createStartedBench(create: ExecutorSubject["create"]): Promise<Bench> {
  await using cleanup = new AsyncDisposableStack();
  const bench = cleanup.use(await createBench(create));
  const code = await bench.executor.start(new AbortController().signal);
  if (code !== 0) throw new Error(`start returned ${code}`);
  cleanup.move();
  return bench;
}
