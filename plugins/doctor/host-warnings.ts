import { askSystem, findServiceUnit, type Logger, toAdvice, toFileSystem } from "signalman";
import { readFileSync, statfsSync } from "node:fs";

/** Logs a warning for each property of this host that would lose jobs or logs. Never rejects. */
export async function warnOfHost(options: {
  logger: Logger;
  env: Readonly<Record<string, string | undefined>>;
  stateDirectory: string;
}): Promise<void> {
  const { logger, env, stateDirectory } = options;
  try {
    if (toFileSystem(statfsSync(stateDirectory).type).isVolatile) {
      logger.warn(
        `the state directory "${stateDirectory}" is on tmpfs: a restart of the machine loses jobs and logs`,
      );
    }
    const cgroups = readFileSync("/proc/self/cgroup", "utf8");
    const unit = await findServiceUnit({ env, cgroups, run: askSystem });
    const advice = unit && toAdvice(unit);
    if (advice) logger.warn(advice);
  } catch {
    // Not Linux, or /proc is not readable.
  }
}
