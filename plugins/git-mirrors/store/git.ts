import { kill } from "node:process";
import { onAbort, readOutput } from "signalman";

export interface GitCall {
  /** The bare repository. */
  readonly directory: string;
  readonly words: readonly string[];
  readonly input?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** The descriptor that receives the output; left out: the result has it. */
  readonly output?: number;
  /** Further variables. The agent's own are not passed on, except those that lead through a proxy. */
  readonly env?: Readonly<Record<string, string>>;
  /** When it aborts, git and all its processes are killed. */
  readonly signal: AbortSignal;
  /** Milliseconds without a word on standard error after which git is killed; left out: no limit. */
  readonly silenceMs?: number;
}

export interface GitResult {
  /** 128 + n after a signal. */
  readonly status: number;
  readonly text: string;
  /** The end of what git has said on standard error. */
  readonly errors: string;
}

/** Runs git in a mirror, with no configuration but the mirror's. */
export async function runGit(call: GitCall): Promise<GitResult> {
  const { directory, words, input, output, env, signal, silenceMs } = call;
  signal.throwIfAborted();
  const git = Bun.spawn(["git", "--git-dir", directory, ...words], {
    cwd: directory,
    env: { ...toBaseEnvironment(process.env), ...env },
    stdin: input === undefined ? "ignore" : input instanceof ReadableStream ? input : Buffer.from(input),
    stdout: output ?? "pipe",
    stderr: "pipe",
    detached: true,
  });
  const end = (): void => {
    try {
      kill(-git.pid, "SIGKILL");
    } catch {
      // It has exited already.
    }
  };
  using _ = onAbort(signal, end);
  const errors = readErrors(git.stderr, silenceMs, end);
  const text = output === undefined ? (await readOutput(git.stdout as ReadableStream, mostOutput)).text : "";
  const status = await git.exited;
  return { status: git.signalCode ? 128 + (status % 128) : status, text, errors: await errors };
}

/** Reads to the end, keeps the last lines, and calls `end` when nothing arrives for too long. */
async function readErrors(
  stream: ReadableStream<Uint8Array>,
  silenceMs: number | undefined,
  end: () => void,
): Promise<string> {
  let kept = "";
  const timer = silenceMs === undefined ? undefined : setTimeout(end, silenceMs);
  try {
    for await (const piece of stream) {
      timer?.refresh();
      kept = (kept + Buffer.from(piece).toString()).slice(-keptErrors);
    }
  } finally {
    clearTimeout(timer);
  }
  return kept;
}

function toBaseEnvironment(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed = Object.entries(own).flatMap(([name, value]) =>
    value !== undefined && passedNames.test(name) ? [[name, value] as const] : [],
  );
  return {
    ...Object.fromEntries(passed),
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "false",
    SSH_ASKPASS: "false",
  };
}

const passedNames = /^(PATH|TMPDIR|GIT_EXEC_PATH|(https?|all|no)_proxy|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO)$/i;
const mostOutput = 64 * 1024 * 1024;
const keptErrors = 4096;
