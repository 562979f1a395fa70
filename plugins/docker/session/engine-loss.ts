import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "signalman";
import type { Engine } from "../engine/engine.ts";

/**
 * Tells what became of the engine when the connection to a container has ended: the sentence for the job's log, or `undefined` when the engine
 * answers all the time. An engine that is gone is waited for, so that a restart is told apart from a shutdown.
 */
export async function explainEngineLoss(
  engine: Engine,
  isStopped: () => boolean,
): Promise<string | undefined> {
  const reason = await whileAnswering(engine, isStopped);
  if (reason === undefined) return undefined;
  const deadline = performance.now() + Math.min(engine.timeoutMs, returnMs);
  while (!isStopped() && performance.now() < deadline) {
    await sleep(lookMs);
    try {
      const what = "look at the engine";
      const info = (await engine.call(what, engine.docker.info())) as { LiveRestoreEnabled?: boolean };
      return info.LiveRestoreEnabled
        ? "the Docker engine was restarted: the job's container ran on, but the connection to it was lost, and so the job is ended"
        : "the Docker engine was restarted, and has ended the job's container";
    } catch {
      // It is not back yet.
    }
  }
  return `the Docker engine was shut down, or does not answer any more: ${reason}`;
}

/** An engine that shuts down ends containers and connections first, and answers for a moment more. */
const shutdownMs = 2000;
/** Time for an engine to come back. */
const returnMs = 15_000;
const lookMs = 100;

/** Resolves to the reason when the engine does not answer, and to `undefined` when it still does after a while. */
async function whileAnswering(engine: Engine, isStopped: () => boolean): Promise<string | undefined> {
  const deadline = performance.now() + shutdownMs;
  while (!isStopped() && performance.now() < deadline) {
    try {
      await engine.call("reach the Docker engine", engine.docker.ping());
    } catch (error) {
      return toMessage(error);
    }
    await sleep(lookMs);
  }
  return undefined;
}
