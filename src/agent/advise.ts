import { readFileSync, statfsSync } from "node:fs";
import type { Logger } from "../logger/logger.ts";
import { toFileSystem } from "../state/file-system.ts";
import { askSystem } from "../systemd/ask-system.ts";
import { findServiceUnit, toAdvice } from "../systemd/service-unit.ts";

/** Says what about this host would cost an operator jobs or logs. Never throws, and delays nobody. */
export async function adviseOperator(options: {
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
    // Another system, or one that does not tell.
  }
}
