import { waitAtMost } from "signalman";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import { type Ending, logUnshownOutput } from "signalman/executor";
import type { ContainerProcess, Keeper } from "./keeper.ts";
import type { ContainerSession } from "./open-session.ts";

/**
 * Ends all processes of the job's container: suspends the shell, so that no script continues, sends SIGTERM
 * to the others, SIGKILL after the grace period, and kills the shell last. Never rejects: removing the
 * container ends remaining processes.
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
    let remaining = await listOthers(keeper, shellPid);
    if (remaining.length > 0)
      logger.info("ending processes that the job left running", { count: remaining.length });
    const deadline = performance.now() + graceMs;
    while (remaining.length > 0 && performance.now() < deadline && !now.aborted) {
      await sleep(pollMs);
      remaining = await listOthers(keeper, shellPid);
    }
    if (remaining.length > 0) await keeper.kill(remaining);
    await keeper.kill([shellPid]);
    await waitAtMost(session.ended, lastOutputMs);
  } catch (error) {
    logger.debug("could not end the job's processes one by one; they end when its container is removed", {
      error,
    });
  }
  logUnshownOutput(session, logger);
}

const pollMs = 20;
/** Bounded, because a flooded terminal may never be drained. */
const lastOutputMs = 1000;

/** Lists the living processes other than the shell, its ancestors, and the keepers with their children. */
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

/** Lists a process and its ancestors. */
function toAncestry(parents: ReadonlyMap<number, number>, pid: number): number[] {
  const line: number[] = [];
  for (let at = pid; at > 0 && !line.includes(at); at = parents.get(at) ?? 0) line.push(at);
  return line;
}
