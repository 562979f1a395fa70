import { join } from "node:path";
import { findEntry, toKind } from "../../os/state/file.ts";
import type { Lock } from "../../os/state/lock.ts";
import type { Spool } from "../log/spool.ts";
import type { ControlSocket } from "../control/control-socket.ts";
import { jobFiles } from "../state/job-files.ts";

export interface TamperingOptions {
  /** The job's state directory. */
  readonly directory: string;
  readonly spool: Pick<Spool, "findChange">;
  readonly lock: Pick<Lock, "isInPlace">;
  readonly control: Pick<ControlSocket, "isInPlace">;
}

/**
 * Describes what another process has done to the files of a job that ends. It is most probably the job
 * itself, which then has failed. A state directory that was removed is no tampering.
 */
export function findTampering({ directory, spool, lock, control }: TamperingOptions): string | undefined {
  const found = findEntry(directory);
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return `another process replaced the job's directory by ${toKind(found)}`;
  const change = spool.findChange(maxVerifiedBytes);
  if (change !== undefined) return `another process changed the job's log: ${change}`;
  for (const name of Object.values(jobFiles)) {
    const entry = findEntry(join(directory, name));
    if (entry && !entry.isFile()) return `another process replaced "${name}" of the job by ${toKind(entry)}`;
  }
  if (!lock.isInPlace) return "another process removed or replaced the job's lock";
  if (findEntry(join(directory, jobFiles.result))) return "another process wrote a result of the job";
  return control.isInPlace ? undefined : "another process removed or replaced the job's control socket";
}

/**
 * Maximum size of a log whose bytes are compared here, which takes milliseconds. The agent compares those of
 * every log.
 */
const maxVerifiedBytes = 16 * 2 ** 20;
