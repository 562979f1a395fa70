import { AgentError } from "../../core/errors.ts";
import { onAbort } from "../../core/aborted.ts";
import { flushNoise, type ShellState } from "./shell-state.ts";
import { unreadableStatus } from "./shell-text.ts";

export interface BootOptions {
  readonly timeoutMs: number;
  readonly login: boolean;
  /** Path of the file that the shell reads first. */
  readonly secretPath: string | undefined;
}

/**
 * Waits until the login profile has finished. Rejects with `SESSION_FAILED` and the profile's output, or with
 * the reason of `signal`.
 */
export async function waitForBoot(
  state: ShellState,
  { timeoutMs, login, secretPath }: BootOptions,
  signal: AbortSignal,
): Promise<void> {
  const shell = login ? "the login shell" : "the shell";
  const failed = Promise.withResolvers<never>();
  const fail = (fault: string) => {
    flushNoise(state);
    const output = Bun.stripANSI(state.profileTail.toString()).trim();
    failed.reject(
      new AgentError("SESSION_FAILED", output === "" ? fault : `${fault}; its output: ${output}`),
    );
  };
  const timer = setTimeout(
    () => fail(`${shell} was not ready after ${timeoutMs / 1000} s (is its profile waiting for input?)`),
    timeoutMs,
  );
  using _listener = onAbort(signal, () => failed.reject(signal.reason));
  void state.ended.promise.then(() =>
    fail(
      state.exitCode === unreadableStatus && secretPath !== undefined
        ? `${shell} cannot read "${secretPath}": a sandbox around it must let this directory through`
        : `${shell} exited before it was ready`,
    ),
  );
  try {
    await Promise.race([state.booted.promise, failed.promise]);
  } finally {
    clearTimeout(timer);
    failed.promise.catch(() => {});
  }
}
