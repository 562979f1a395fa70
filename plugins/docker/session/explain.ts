import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "signalman";
import { type Explain, killedCode, toMemorySentence } from "signalman/executor";
import type { DockerJob } from "../docker-job.ts";
import { isUnreachable, statusOf } from "../engine/errors.ts";
import { explainEngineLoss } from "./engine-loss.ts";

/**
 * Explains a failed command: OOM kills, a container that another program removed, a lost engine, ended
 * services.
 */
export function explainEnd(job: DockerJob): Explain {
  const { session, usage, serviceEnds } = job;
  const { oomKills: before = 0 } = usage.read();
  const diedOfMemory = async () => {
    // Repeated, because the keeper may have been killed as well, and a new one must start.
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      if ((await usage.look()) > before) return true;
      await sleep(retryMs);
    }
    return false;
  };
  return async ({ killed, isStopped }) => {
    const reasons =
      session.alive || session.exitCode !== undefined
        ? killed && (await diedOfMemory())
          ? [toMemorySentence(killed)]
          : []
        : [await explainLoss(job, diedOfMemory, isStopped)];
    return [...reasons, ...(await serviceEnds.find())];
  };
}

const retryMs = 50;
const maxAttempts = 5;

/** Explains why the session ended without a report of its shell. */
async function explainLoss(
  { engine, container }: DockerJob,
  diedOfMemory: () => Promise<boolean>,
  isStopped: () => boolean,
): Promise<string> {
  let end: string;
  let refusal: unknown;
  try {
    const { State: state } = await engine.call("inspect the job's container", container.inspect());
    const isKilled = !state.Running && state.ExitCode === killedCode;
    if ((isKilled && state.OOMKilled) || (await diedOfMemory()))
      return toMemorySentence("the job's container");
    end = state.Running
      ? "the connection to the job's container was lost: the network failed"
      : `the job's container ended with exit code ${state.ExitCode}`;
  } catch (error) {
    if (statusOf(error) === 404) return "the job's container was removed by another program";
    end = `the job's container cannot be reached: ${toMessage(error)}`;
    if (isUnreachable(error)) refusal = error;
  }
  return (await explainEngineLoss(engine, { refusal, isStopped })) ?? end;
}
