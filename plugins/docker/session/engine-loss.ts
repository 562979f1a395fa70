import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "signalman";
import type { Engine } from "../engine/engine.ts";
import { isGone, withTimeout } from "../engine/errors.ts";

/**
 * Tells what became of the engine when the connection to a container has ended: the sentence for the job's log, or `undefined` when the engine
 * answers all the time. `refusal` is its failure to answer, if that is known. An engine that is gone is waited for, so that a restart is told
 * apart from a shutdown.
 */
export async function explainEngineLoss(
  engine: Engine,
  { refusal, isStopped }: { readonly refusal: unknown; readonly isStopped: () => boolean },
): Promise<string | undefined> {
  const error = refusal ?? (await whileAnswering(engine, isStopped));
  if (error === undefined) return undefined;
  const deadline = performance.now() + Math.min(engine.timeoutMs, returnMs);
  while (!isStopped() && performance.now() < deadline) {
    await sleep(lookMs);
    try {
      const patienceMs = Math.max(deadline - performance.now(), lookMs);
      const info = (await withTimeout(engine.docker.info(), patienceMs)) as { LiveRestoreEnabled?: boolean };
      if (!isGone(error, engine.endpoint))
        return `the connection to the job's container was lost: ${toMessage(error)}`;
      return info.LiveRestoreEnabled
        ? "the Docker engine was restarted: the job's container ran on, but the connection to it was lost, and so the job is ended"
        : "the Docker engine was restarted, and has ended the job's container";
    } catch {
      // It is not back yet.
    }
  }
  return `the Docker engine was shut down, or does not answer any more: ${toMessage(error)}`;
}

/** An engine that shuts down ends containers and connections first, and answers for a moment more. */
const shutdownMs = 2000;
/** Time for an engine to come back. */
const returnMs = 15_000;
const lookMs = 100;

/** Resolves to the error when the engine does not answer, and to `undefined` when it still does after a while. */
async function whileAnswering(engine: Engine, isStopped: () => boolean): Promise<unknown> {
  const deadline = performance.now() + shutdownMs;
  while (!isStopped() && performance.now() < deadline) {
    try {
      await engine.call("reach the Docker engine", engine.docker.ping());
    } catch (error) {
      return error;
    }
    await sleep(lookMs);
  }
  return undefined;
}
