import type { Executor, ExecutorContext, ExecutorFactory } from "../../core/contracts/executor.ts";
import { AgentError } from "../../core/errors.ts";

/**
 * Creates an executor that opens its session behind a command prefix: `nice -n 10`, `systemd-run --user
 * --scope --`, `bwrap … --`. The prefix must run the words after it as a command, in the same terminal.
 * Prefixes of several executors are nested, the outermost first.
 *
 * Throws `PLUGIN_INVALID` for a factory that does not apply a prefix, since a job would run without it.
 */
export function createPrefixed(
  factory: ExecutorFactory,
  prefix: readonly string[],
  context: ExecutorContext,
): Executor {
  if (factory.acceptsCommandPrefix !== true) {
    throw new AgentError(
      "PLUGIN_INVALID",
      `the executor runs no command prefix "${prefix.join(" ")}": use one that declares acceptsCommandPrefix, such as "shell"`,
    );
  }
  return factory.create({ ...context, commandPrefix: [...(context.commandPrefix ?? []), ...prefix] });
}
