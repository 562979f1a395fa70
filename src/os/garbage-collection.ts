import { existsSync } from "node:fs";

/**
 * Restarts this program in place, with the same pid, so that the runtime collects garbage once a minute when nothing is allocated, and not once a
 * second: that is most of what an idle agent costs. The runtime reads the interval only when it starts. Returns when the interval is set already, when
 * the program runs from source, or when it cannot be restarted. Child processes do not inherit the variable.
 */
export function collectGarbageRarely(argv: readonly string[]): void {
  const { env } = process;
  const isSet = env[variable] !== undefined;
  if (isSet) delete env[variable];
  else if (Bun.main.startsWith("/$bunfs/") && existsSync(process.execPath))
    process.execve?.(process.execPath, [process.argv0, ...argv], { ...env, [variable]: "60000" });
}

/** In milliseconds. */
const variable = "BUN_GC_TIMER_INTERVAL";
