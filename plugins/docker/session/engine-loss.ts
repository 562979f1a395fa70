import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { isGone, withTimeout } from "../engine/errors.ts";

/**
 * Resolves to a sentence for the job's log when the connection to a container ended because of the engine; to
 * `undefined` when the engine keeps answering. `refusal` is the engine's error, if one is known. Waits for an
 * engine that does not run, to distinguish a restart from a shutdown.
 */
export async function explainEngineLoss(
  engine: Engine,
  { refusal, isStopped }: { readonly refusal: unknown; readonly isStopped: () => boolean },
): Promise<string | undefined> {
  const error = refusal ?? (await pingUntilFailure(engine, isStopped));
  if (error === undefined) return undefined;
  const deadline = performance.now() + Math.min(engine.timeoutMs, restartMs);
  while (!isStopped() && performance.now() < deadline) {
    await sleep(pollMs);
    try {
      const timeoutMs = Math.max(deadline - performance.now(), pollMs);
      const info = (await withTimeout(engine.docker.info(), timeoutMs)) as { LiveRestoreEnabled?: boolean };
      if (!isGone(error, engine.endpoint))
        return `the connection to the job's container was lost: ${toMessage(error)}`;
      return info.LiveRestoreEnabled
        ? "the Docker engine was restarted: the job's container kept running, but the connection to it was lost, so the job is ended"
        : "the Docker engine was restarted and has ended the job's container";
    } catch {
      // The engine does not run yet.
    }
  }
  return `the Docker engine was shut down or does not answer: ${toMessage(error)}`;
}

/** An engine that shuts down ends containers and connections first, and still answers for a moment. */
const shutdownMs = 2000;
/** Maximum wait for an engine to restart. */
const restartMs = 15_000;
const pollMs = 100;

/** Resolves to the error of the first failed ping; to `undefined` when none fails within `shutdownMs`. */
async function pingUntilFailure(engine: Engine, isStopped: () => boolean): Promise<unknown> {
  const deadline = performance.now() + shutdownMs;
  while (!isStopped() && performance.now() < deadline) {
    try {
      await engine.call("reach the Docker engine", engine.docker.ping());
    } catch (error) {
      return error;
    }
    await sleep(pollMs);
  }
  return undefined;
}
