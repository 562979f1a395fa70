import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import { logUnshownOutput, type Session } from "signalman/terminal";
import type { ContainerTerminal } from "./container-terminal.ts";
import type { ContainerProcess, Keeper } from "./keeper.ts";

export interface EndJobOptions {
  readonly session: Session<ContainerTerminal>;
  readonly keeper: Keeper;
  readonly logger: Logger;
  readonly graceMs: number;
  /** Aborts: the grace is over. */
  readonly now: AbortSignal;
}

/**
 * Ends all that runs in the job's container: the shell is stopped first, so that no script goes on, everything else gets SIGTERM, and SIGKILL when the grace is
 * over. Then the shell is killed, whose end comes behind the last byte of output. Never rejects: what is left goes with the container.
 */
export async function endJob({ session, keeper, logger, graceMs, now }: EndJobOptions): Promise<void> {
  const { shellPid } = session;
  try {
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
    logger.debug("the job's processes go with its container", { error });
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
