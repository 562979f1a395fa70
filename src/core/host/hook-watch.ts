import type { HangingHook } from "../contracts/agent-status.ts";
import type { HookName } from "../contracts/hooks.ts";
import type { Logger } from "../contracts/logger.ts";
import { createPluginError } from "./attribution.ts";
import { toDuration } from "./deadline.ts";

/** Milliseconds after which an unfinished call is reported first, and between two further reports. */
export interface ReportTimes {
  readonly firstMs: number;
  readonly repeatMs: number;
}

export interface HookWatchOptions {
  readonly plugin: string;
  readonly hook: HookName;
  readonly log: Logger;
  /** Milliseconds for which a call is awaited. `undefined`: without a limit. */
  readonly timeoutMs: number | undefined;
  readonly times: ReportTimes;
}

/** Watches the calls of one listener, and reports those that do not return in time. */
export interface HookWatch {
  readonly hanging: HangingHook | undefined;
  /** Waits for a call, and rejects with `PLUGIN_SLOW` at its deadline, which `limitMs` replaces. */
  wait(call: Promise<void>, limitMs?: number): Promise<void>;
}

export function createHookWatch({ plugin, hook, log, timeoutMs, times }: HookWatchOptions): HookWatch {
  /** Start times of the unfinished calls that were reported. A listener may be called again while it hangs. */
  const late = new Set<{ readonly startedAt: number }>();
  let repeat: NodeJS.Timeout | undefined;
  const oldest = () => Math.min(...Array.from(late, ({ startedAt }) => startedAt));
  const toSeconds = () => Math.round((Date.now() - oldest()) / 1000);
  const report = () => log.warn(`plugin "${plugin}" has not returned from ${hook} for ${toSeconds()} s`);

  return {
    get hanging() {
      return late.size === 0 ? undefined : { plugin, hook, startedAt: oldest() };
    },
    async wait(call, limitMs = timeoutMs) {
      const started = { startedAt: Date.now() };
      const { promise: tooLate, reject } = Promise.withResolvers<never>();
      const expire = () => {
        const message = `plugin "${plugin}" did not return from ${hook} within ${toDuration(limitMs ?? 0)}`;
        reject(createPluginError("PLUGIN_SLOW", message));
      };
      const reporting = setTimeout(() => {
        late.add(started);
        if (late.size > 1) return;
        report();
        repeat = setInterval(report, times.repeatMs);
      }, times.firstMs);
      const deadline = limitMs === undefined ? undefined : setTimeout(expire, Math.min(limitMs, maxMs));
      const settled = call.finally(() => {
        clearTimeout(reporting);
        if (late.delete(started) && late.size === 0) clearInterval(repeat);
      });
      settled.catch(() => {});
      try {
        await Promise.race([settled, tooLate]);
      } finally {
        clearTimeout(deadline);
      }
    },
  };
}

/** The longest time of a timer. */
const maxMs = 2 ** 31 - 1;
