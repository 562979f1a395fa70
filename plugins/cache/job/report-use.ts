import { type HookEvents, type Logger, toMessage, toSize } from "signalman";
import type { Identity } from "../identity.ts";
import { askCache } from "../operator/client.ts";
import type { CacheUse } from "../uses.ts";

/** Adds a block to the log of a job that has used the cache. Says nothing when the agent does not answer. */
export async function reportUse(
  { job, log }: HookEvents["job:finish"],
  identity: Identity,
  logger: Logger,
): Promise<void> {
  const use = await askCache<CacheUse>(identity, `/-/use?job=${encodeURIComponent(job.id)}`).catch(
    (error: unknown) => void logger.debug(`the job's use of the cache is unknown: ${toMessage(error)}`),
  );
  if (use !== undefined) await showUse(log, use);
}

export async function showUse(log: HookEvents["job:finish"]["log"], use: CacheUse): Promise<void> {
  await log.command("Cache", (output) => {
    output(`${toText(use)}\n`);
    return 0;
  });
}

/** `1 object restored (12.0 MiB in 0.4 s), 2 not found, 5.0 MiB stored in 0.2 s`. */
function toText(use: CacheUse): string {
  const objects = use.hits === 1 ? "1 object" : `${use.hits} objects`;
  const restored = `${toSize(use.restoredBytes)}${toTime(use.restoredBytes, use.restoredSeconds)}`;
  const stored = `${toSize(use.storedBytes)} stored${toTime(use.storedBytes, use.storedSeconds)}`;
  return `${objects} restored (${restored}), ${use.misses} not found, ${stored}`;
}

function toTime(bytes: number, seconds = 0): string {
  return bytes === 0 ? "" : ` in ${seconds.toFixed(1)} s`;
}
