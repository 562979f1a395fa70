import { sendSignal } from "../os/processes/send-signal.ts";
import { onAbort } from "../core/aborted.ts";
import { AgentError, toMessage } from "../core/errors.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { waitAtMost } from "../core/host/deadline.ts";

export interface RunProgramOptions {
  readonly command: readonly [string, ...string[]];
  /** The complete environment. `withoutSecrets` returns the agent's without its secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Receives the program's output by lines; their length and number are limited. */
  readonly logger: Logger;
  /** Masked in the program's output. */
  readonly secrets?: readonly string[];
  /**
   * When it aborts, the program's process group receives SIGTERM; what is left of it when the program has
   * exited is killed.
   */
  readonly stop?: AbortSignal;
  /** When it aborts, the program's process group is killed. */
  readonly kill?: AbortSignal;
}

/** Longer lines are cut, and lines above the second limit are only counted. */
const lineLimit = 4096;
const linesLimit = 1000;
/** Time for the last output after the program has exited; another process may keep its pipes open. */
const lastOutputMs = 1000;

/**
 * Runs a program of the agent (not of a job) on this host, in a process group of its own, so that a Ctrl-C
 * for the agent does not reach it. The program is killed when this process exits, unless that is killed
 * itself. Resolves to the exit status, 128 + n after a signal; throws `PROGRAM_FAILED` when the program
 * cannot be started.
 */
export async function runProgram(options: RunProgramOptions): Promise<number> {
  const { logger, stop, kill, secrets = [] } = options;
  if (kill?.aborted || stop?.aborted) {
    throw new AgentError(
      "PROGRAM_FAILED",
      `"${options.command[0]}" was not started: the agent is shutting down`,
    );
  }
  const child = start(options);
  const end = () => sendSignal(-child.pid, "SIGKILL");
  using stopping = new DisposableStack();
  stopping.use(onAbort(stop, () => sendSignal(-child.pid, "SIGTERM")));
  stopping.use(onAbort(kill, end));
  process.on("exit", end);
  const outputs = [
    readLines(
      child.stdout,
      createLineLog((line) => logger.info(line), secrets),
    ),
    readLines(
      child.stderr,
      createLineLog((line) => logger.info(line, { stream: "stderr" }), secrets),
    ),
  ];

  const exitCode = await child.exited;
  stopping.dispose();
  process.off("exit", end);
  if (stop?.aborted || kill?.aborted) end();
  const all = Promise.all(outputs.map(({ done }) => done));
  if (!(await waitAtMost(all, kill?.aborted ? 0 : lastOutputMs))) {
    logger.warn("the program has exited, but a process that it started keeps its output open");
  }
  await Promise.all(outputs.map(({ close }) => close()));
  return exitCode;
}

function start({ command, env }: RunProgramOptions) {
  try {
    return Bun.spawn([...command], {
      env: { ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  } catch (error) {
    throw new AgentError("PROGRAM_FAILED", `cannot start "${command[0]}": ${toMessage(error)}`, {
      cause: error,
    });
  }
}

interface LineLog {
  push(text: string): void;
  end(): void;
}

/** Splits text into lines. Secrets are masked before a line is cut, so that no part of one remains. */
function createLineLog(show: (line: string) => void, secrets: readonly string[]): LineLog {
  const hidden = secrets.map((secret) => secret.trim()).filter((secret) => secret !== "");
  const keep = lineLimit + Math.max(1, ...hidden.map((secret) => secret.length));
  let line = "";
  let count = 0;
  const finish = () => {
    const masked = hidden.reduce((text, secret) => text.replaceAll(secret, "[REDACTED]"), line).trimEnd();
    line = "";
    if (masked === "") return;
    count += 1;
    if (count <= linesLimit) show(masked.length > lineLimit ? `${masked.slice(0, lineLimit)}…` : masked);
  };
  return {
    push(text) {
      for (const [index, part] of text.split("\n").entries()) {
        if (index > 0) finish();
        line += part.slice(0, keep - line.length);
      }
    },
    end() {
      finish();
      if (count > linesLimit) show(`… and ${count - linesLimit} more lines, not shown`);
    },
  };
}

function readLines(stream: ReadableStream<Uint8Array>, log: LineLog) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      log.push(decoder.decode(next.value, { stream: true }));
    }
  };
  const done = read()
    .catch(() => {})
    .finally(log.end);
  return {
    done,
    async close() {
      await reader.cancel().catch(() => {});
      await done;
    },
  };
}
