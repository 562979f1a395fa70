import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import { type Ending, logUnshownOutput } from "signalman/executor";
import type { ContainerProcess, Keeper } from "./keeper.ts";
import type { ContainerSession } from "./open-session.ts";

/**
 * Ends all that runs in the job's container: suspends the shell, so that no script continues, sends SIGTERM to
 * everything else, SIGKILL after the grace period, and kills the shell last, whose end follows its last byte of
 * output. Never rejects: the rest ends when the container is removed.
 */
export async function endJob(
  { session, keepers }: ContainerSession,
  { graceMs, now }: Ending,
  logger: Logger,
): Promise<void> {
  const { shellPid } = session;
  try {
    const keeper = await keepers.current();
    await keeper.terminate(shellPid);
    let left = await listOthers(keeper, shellPid);
    if (left.length > 0) logger.info("ended processes that the job had left running", { count: left.length });
    const deadline = performance.now() + graceMs;
    while (left.length > 0 && performance.now() < deadline && !now.aborted) {
      await sleep(lookMs);
      left = await listOthers(keeper, shellPid);
    }
    if (left.length > 0) await keeper.kill(left);
    await keeper.kill([shellPid]);
    await Promise.race([session.ended, sleep(lastOutputMs)]);
  } catch (error) {
    logger.debug("the job's processes end when its container is removed", { error });
  }
  logUnshownOutput(session, logger);
}

const lookMs = 20;
/** The last output of a killed shell is there at once; a terminal that is still flooded may never be empty. */
const lastOutputMs = 1000;

/** Living processes that are neither the shell, nor what it was started by, nor a keeper's. */
async function listOthers(keeper: Keeper, shellPid: number): Promise<number[]> {
  const { keepers, processes } = await keeper.list();
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const spared = new Set([shellPid, ...keepers].flatMap((pid) => toAncestry(parents, pid)));
  const isKeeper = ({ pid }: ContainerProcess) =>
    toAncestry(parents, pid).some((each) => keepers.includes(each));
  return processes
    .filter((each) => !each.isZombie && !spared.has(each.pid) && !isKeeper(each))
    .map(({ pid }) => pid);
}

/** A process, its parent, and so on. */
function toAncestry(parents: ReadonlyMap<number, number>, pid: number): number[] {
  const line: number[] = [];
  for (let at = pid; at > 0 && !line.includes(at); at = parents.get(at) ?? 0) line.push(at);
  return line;
}
