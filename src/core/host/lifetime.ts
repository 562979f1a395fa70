import { toDuration, withDeadline } from "./deadline.ts";
import { AgentError, isAgentError, toMessage } from "../errors.ts";
import type { Logger } from "../contracts/logger.ts";

/** The clean-ups of one plugin. */
export interface Lifetime {
  /** Aborts when disposal begins. */
  readonly signal: AbortSignal;
  /** Registers a clean-up for disposal; after disposal it runs at once. */
  defer(cleanup: () => void | Promise<void>): void;
  /** Runs all clean-ups in reverse order and logs those that fail. A second call waits for the first. */
  end(): Promise<void>;
}

export interface LifetimeOptions {
  readonly plugin: string;
  readonly log: Logger;
  /** Deadline of each clean-up. */
  readonly cleanupMs: number;
}

export function createLifetime({ plugin, log, cleanupMs }: LifetimeOptions): Lifetime {
  const controller = new AbortController();
  const cleanups: (() => void | Promise<void>)[] = [];
  let ended: Promise<void> | undefined;
  let isOver = false;

  const clean = async (cleanup: () => void | Promise<void>): Promise<void> => {
    const late = () =>
      new AgentError(
        "PLUGIN_SLOW",
        `plugin "${plugin}" did not finish a clean-up within ${toDuration(cleanupMs)}`,
      );
    try {
      await withDeadline((async () => cleanup())(), cleanupMs, late);
    } catch (error) {
      const isSlow = isAgentError(error, "PLUGIN_SLOW");
      log.error(isSlow ? error.message : `plugin "${plugin}" failed in a clean-up: ${toMessage(error)}`);
    }
  };

  const end = async (): Promise<void> => {
    controller.abort();
    for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await clean(cleanup);
    isOver = true;
  };

  return {
    signal: controller.signal,
    defer(cleanup) {
      if (typeof cleanup !== "function") {
        throw new AgentError("PLUGIN_INVALID", `a clean-up must be a function, not ${Bun.inspect(cleanup)}`);
      }
      if (isOver) void clean(cleanup);
      else cleanups.push(cleanup);
    },
    end: () => (ended ??= end()),
  };
}
