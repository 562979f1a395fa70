import { toDuration, withDeadline } from "./deadline.ts";
import { AgentError, toMessage } from "../errors.ts";
import type { Logger } from "../contracts/logger.ts";

/** What one plugin has to undo. */
export interface Lifetime {
  /** Aborts at the beginning of the end. */
  readonly signal: AbortSignal;
  /** Keeps a clean-up for the end; after the end it runs at once. */
  defer(cleanup: () => void | Promise<void>): void;
  /** Runs the clean-ups: the last one first, all of them, whatever fails. What fails is logged. A second call waits too. */
  end(): Promise<void>;
}

export interface LifetimeOptions {
  readonly plugin: string;
  readonly log: Logger;
  /** For each clean-up. */
  readonly cleanupMs: number;
}

export function createLifetime({ plugin, log, cleanupMs }: LifetimeOptions): Lifetime {
  const controller = new AbortController();
  const cleanups: (() => void | Promise<void>)[] = [];
  let ended: Promise<void> | undefined;
  let over = false;

  const clean = async (cleanup: () => void | Promise<void>): Promise<void> => {
    const late = () =>
      new AgentError("PLUGIN_SLOW", `plugin "${plugin}" took over ${toDuration(cleanupMs)} in a clean-up`);
    try {
      await withDeadline((async () => cleanup())(), cleanupMs, late);
    } catch (error) {
      const slow = error instanceof AgentError && error.code === "PLUGIN_SLOW";
      log.error(slow ? error.message : `plugin "${plugin}" failed in a clean-up: ${toMessage(error)}`);
    }
  };

  const end = async (): Promise<void> => {
    controller.abort();
    for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await clean(cleanup);
    over = true;
  };

  return {
    signal: controller.signal,
    defer(cleanup) {
      if (typeof cleanup !== "function") {
        throw new AgentError("PLUGIN_INVALID", `a clean-up must be a function, not ${Bun.inspect(cleanup)}`);
      }
      if (over) void clean(cleanup);
      else cleanups.push(cleanup);
    },
    end: () => (ended ??= end()),
  };
}
