import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostPath } from "../core/contracts/executor.ts";
import type { ExecutorOptions } from "../core/contracts/executor-options.ts";

/** Lists what a job needs of this host besides its executor's directory (`ExecutorContext.hostPaths`). */
export function toHostPaths(
  jobSocket: string | undefined,
  { home, user }: Pick<ExecutorOptions, "home" | "user">,
): HostPath[] {
  const read = [jobSocket, findProgram()].filter((path) => path !== undefined);
  // The home of a user may be missing; the executor creates any other.
  const written = user ? [user.home].filter((path) => existsSync(path)) : home === undefined ? [] : [home];
  return [
    ...read.map((path) => ({ path, isWritten: false })),
    ...written.map((path) => ({ path, isWritten: true })),
  ];
}

/** Returns the path of this program. A program that runs from source is Bun itself, which jobs do not need. */
export function findProgram(): string | undefined {
  const path = join(dirname(process.execPath), "signalman");
  return existsSync(path) ? path : undefined;
}
