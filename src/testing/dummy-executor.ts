import { decodeBase64 } from "../core/text/base64.ts";
import type { Executor, ExecutorContext, ExecutorFactory } from "../core/contracts/executor.ts";
import type { Output } from "../core/contracts/job-log.ts";
import type { EnvironmentVariable, JobFile } from "../core/contracts/job-request.ts";
import type { SideSession } from "../core/contracts/side-session.ts";
import { onAbort } from "../core/aborted.ts";
import { AgentError } from "../core/errors.ts";
import { waitAtMost } from "../core/host/deadline.ts";

/**
 * An executor without a shell, controlled by the commands of the job: `print x` (or `echo x`; `$NAME` is a
 * variable), `exit 3`, `sleep 10` (seconds), `export NAME=value`, `die` (ends the session), `fail run`
 * (throws). A job with the command `fail start` cannot start. Files are not written.
 */
export const dummyExecutor: ExecutorFactory = { create: createDummyExecutor };

/** Creates the executor of `dummyExecutor` for a job. */
export function createDummyExecutor({ job }: ExecutorContext): Executor {
  let variables = new Map<string, string>();
  /** The variables before those of a command were set. */
  let former: Map<string, string> | undefined;
  const stopped = Promise.withResolvers<void>();
  let state: "created" | "started" | "ended" = "created";

  const isEnded = (): boolean => state !== "started";
  const end = async (): Promise<void> => {
    state = "ended";
    stopped.resolve();
  };
  /** Returns 1 if the job is stopped before the time is over. */
  const sleep = async (durationMs: number): Promise<number> => {
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, durationMs);
    await Promise.race([timeUp.promise, stopped.promise]);
    clearTimeout(timer);
    return isEnded() ? 1 : 0;
  };

  return {
    async start(signal) {
      if (state === "ended" || signal.aborted) return 1;
      if (job.commands.some(({ directive }) => directive === "fail start")) {
        throw new AgentError("SESSION_FAILED", 'the dummy executor cannot start: the job has "fail start"');
      }
      state = "started";
      return 0;
    },
    async exportEnvironment(env, output, options) {
      if (isEnded()) return 1;
      if (options?.scope === "command") former ??= new Map(variables);
      return exportVariables(env, { variables, output: options?.silent ? () => {} : output });
    },
    injectFiles: async (files, output) => (isEnded() ? 1 : checkFiles(files, output)),
    async run(directive, output, options) {
      if (isEnded()) return 1;
      const code = await runCommand(directive, { variables, output, sleep, end });
      if (former && !options?.silent) {
        variables = former;
        former = undefined;
      }
      return code;
    },
    async openSession({ signal }) {
      if (isEnded()) throw new AgentError("SESSION_FAILED", "the dummy executor has no session");
      return openSide({ variables, signal, stopped: stopped.promise });
    },
    stop: end,
    [Symbol.asyncDispose]: end,
  };
}

/** A session beside the running one, with the same variables. It is not interactive. */
function openSide(side: {
  readonly variables: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  readonly stopped: Promise<void>;
}): SideSession {
  const variables = new Map(side.variables);
  const closed = Promise.withResolvers<void>();
  let isClosed = false;
  const end = async (): Promise<void> => {
    isClosed = true;
    listener[Symbol.dispose]();
    closed.resolve();
  };
  const listener = onAbort(side.signal, () => void end());
  void side.stopped.then(end);
  const sleep = async (durationMs: number): Promise<number> => {
    await waitAtMost(closed.promise, durationMs);
    return isClosed ? 1 : 0;
  };
  return {
    ended: closed.promise,
    run: async (directive, output) =>
      isClosed ? 1 : runCommand(directive, { variables, output, sleep, end }),
    write() {},
    resize() {},
    [Symbol.asyncDispose]: end,
  };
}

interface DummySession {
  readonly variables: Map<string, string>;
  readonly output: Output;
  sleep(durationMs: number): Promise<number>;
  end(): Promise<void>;
}

async function runCommand(directive: string, session: DummySession): Promise<number> {
  const { variables, output } = session;
  const [verb = "", ...words] = directive.split(" ");
  const rest = words.join(" ");
  switch (verb) {
    case "print":
    case "echo":
      output(`${rest.replaceAll(/\$(\w+)/g, (_, name: string) => variables.get(name) ?? "")}\n`);
      return 0;
    case "exit":
      return Number(rest);
    case "sleep":
      return session.sleep(Number(rest) * 1000);
    case "export": {
      const [name = "", ...value] = rest.split("=");
      variables.set(name, value.join("="));
      return 0;
    }
    case "die":
      await session.end();
      return 1;
    case "fail":
      throw new Error('the dummy executor failed: the job has "fail run"');
    default:
      output(`${verb}: command not found\n`);
      return 127;
  }
}

function exportVariables(
  env: readonly EnvironmentVariable[],
  { variables, output }: Pick<DummySession, "variables" | "output">,
): number {
  for (const { name, value } of env.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const bytes = decodeBase64(value);
    if (bytes === undefined) {
      output(`Failed to decode ${name}\n`);
      return 1;
    }
    output(`Exporting ${name}\n`);
    variables.set(name, new TextDecoder().decode(bytes));
  }
  return 0;
}

function checkFiles(files: readonly JobFile[], output: Output): number {
  for (const { path, content, mode } of files) {
    output(`Injecting ${path} with file mode ${mode}\n`);
    if (decodeBase64(content) === undefined) {
      output("Failed to decode the content of the file.\n");
      return 1;
    }
    if (!/^[0-7]+$/.test(mode)) {
      output(`bad file permission '${mode}'\n`);
      return 1;
    }
  }
  return 0;
}
