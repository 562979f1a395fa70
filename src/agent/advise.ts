import { readFileSync, statfsSync } from "node:fs";
import type { Logger } from "../logger/logger.ts";
import { findServiceUnit, toAdvice } from "./service-unit.ts";

/** Says what about this host would cost an operator jobs or logs. Never throws, and delays nobody. */
export async function adviseOperator(options: {
  logger: Logger;
  env: Readonly<Record<string, string | undefined>>;
  stateDirectory: string;
}): Promise<void> {
  const { logger, env, stateDirectory } = options;
  try {
    if (statfsSync(stateDirectory).type === tmpfs) {
      logger.warn(
        `the state directory "${stateDirectory}" is on tmpfs: a restart of the machine loses jobs and logs`,
      );
    }
    const unit = await findServiceUnit({ env, cgroups: readFileSync("/proc/self/cgroup", "utf8"), run });
    const advice = unit && toAdvice(unit);
    if (advice) logger.warn(advice);
  } catch {
    // Another system, or one that does not tell.
  }
}

const tmpfs = 0x0102_1994;
const answerMs = 2000;

async function run(command: readonly string[]): Promise<string | undefined> {
  const program = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: answerMs,
    killSignal: "SIGKILL",
  });
  const text = await new Response(program.stdout).text();
  return (await program.exited) === 0 ? text : undefined;
}
