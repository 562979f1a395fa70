import { AgentError } from "../core/errors.ts";
import { decodeBase64 } from "../core/base64.ts";
import type { Executor, ExecutorContext, ExecutorFactory } from "../core/contracts/executor.ts";
import type { Output } from "../core/contracts/job-log.ts";

/**
 * An executor without a shell, steered by the job's commands: `print x` (or `echo x`; `$NAME` is a variable), `exit 3`,
 * `sleep 10` (seconds), `export NAME=value`, `die` (the session is dead), `fail run` (throws). A job that has the command
 * `fail start` cannot start. Files are not written.
 */
export const dummyExecutor: ExecutorFactory = { create: createDummyExecutor };

export function createDummyExecutor({ job }: ExecutorContext): Executor {
  const variables = new Map<string, string>();
  const stopped = Promise.withResolvers<void>();
  let state: "made" | "started" | "over" = "made";

  const isOver = (): boolean => state !== "started";
  const end = async (): Promise<void> => {
    state = "over";
    stopped.resolve();
  };

  /** 1 when the job is stopped before the time is over. */
  const sleep = async (durationMs: number): Promise<number> => {
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, durationMs);
    await Promise.race([timeUp.promise, stopped.promise]);
    clearTimeout(timer);
    return isOver() ? 1 : 0;
  };

  const perform = async (directive: string, output: Output): Promise<number> => {
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
        return sleep(Number(rest) * 1000);
      case "export": {
        const [name = "", ...value] = rest.split("=");
        variables.set(name, value.join("="));
        return 0;
      }
      case "die":
        await end();
        return 1;
      case "fail":
        throw new Error("the dummy was told to fail");
      default:
        output(`${verb}: command not found\n`);
        return 127;
    }
  };

  return {
    async start(signal) {
      if (state === "over" || signal.aborted) return 1;
      if (job.commands.some(({ directive }) => directive === "fail start")) {
        throw new AgentError("SESSION_FAILED", "the dummy was told not to start");
      }
      state = "started";
      return 0;
    },
    async exportEnvironment(env, output) {
      if (isOver()) return 1;
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
    },
    async injectFiles(files, output) {
      if (isOver()) return 1;
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
    },
    run: async (directive, output) => (isOver() ? 1 : perform(directive, output)),
    stop: end,
    [Symbol.asyncDispose]: end,
  };
}
