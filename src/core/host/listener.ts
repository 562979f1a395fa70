import type { HookEventSource, HookTurns, OpenHostOptions } from "../contracts/host.ts";
import { type Hook, type HookEvents, type HookName, hookTable } from "../contracts/hooks.ts";
import type { Logger } from "../contracts/logger.ts";
import { isAgentError, toMessage } from "../errors.ts";
import { attributeError, callFor } from "./attribution.ts";
import { createHookWatch, type HookWatch, type ReportTimes } from "./hook-watch.ts";

export type AnyTurns = HookTurns<HookEvents[HookName]>;
export type Listener = (event: HookEventSource<HookName>, turns?: AnyTurns) => Promise<void>;

export interface ListenerOptions extends Pick<OpenHostOptions, "onListener"> {
  readonly plugin: string;
  readonly log: Logger;
  readonly times: ReportTimes;
  /** Returns an explanation of an error, which is added to its message. */
  readonly explain: (thrown: unknown) => string;
  /** See `HookOptions`. */
  readonly timeoutMs: number | undefined;
}

/**
 * Wraps a plugin's function according to the kind of the hook: what it throws rejects in a gate and is logged
 * in a notice; both name the plugin. A call that misses its deadline is treated alike.
 */
export function createListener<N extends HookName>(
  name: N,
  fn: Hook<N>,
  { plugin, log, times, timeoutMs, explain, onListener }: ListenerOptions,
): { readonly listener: Listener; readonly watch: HookWatch } {
  const declared = hookTable[name];
  const origin = { plugin, where: name };
  const limitMs = timeoutMs ?? declared.timeoutMs;
  const watch = createHookWatch({
    plugin,
    hook: name,
    log,
    timeoutMs: limitMs,
    times: timeoutMs === undefined ? times : { ...times, firstMs: timeoutMs },
  });
  let slowAt = -Infinity;
  /** A listener that is slow at every call is reported once in a while. */
  const report = (error: unknown) => {
    const isSlow = isAgentError(error, "PLUGIN_SLOW");
    const isRepeated = isSlow && performance.now() - slowAt < times.repeatMs;
    if (isSlow && !isRepeated) slowAt = performance.now();
    log[isRepeated ? "debug" : "error"](toMessage(error));
  };
  const listener: Listener = async (source, turns) => {
    if (declared.isFrequent && watch.hanging) return;
    const turn = turns?.({ plugin, timeoutMs: limitMs });
    if (turns && !turn) return;
    const event = turn?.event ?? (typeof source === "function" ? source(plugin) : source);
    let failure: unknown;
    const started = performance.now();
    const onEnd = onListener?.(plugin, name);
    try {
      const result = callFor(origin, fn as (event: unknown) => unknown, undefined, [event]);
      if (isThenable(result)) await watch.wait(Promise.resolve(result), turn?.timeoutMs);
      log.debug(`${name} handled`, { durationMs: Math.round(performance.now() - started) });
    } catch (error) {
      const attributed = attributeError(error, { ...origin, note: explain(error) });
      if (error instanceof Error && error.stack) log.debug(error.stack);
      if (declared.kind === "gate") throw attributed;
      report(attributed);
      failure = attributed;
    } finally {
      onEnd?.();
      turn?.end(failure);
    }
  };
  return { listener, watch };
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof (value as Partial<PromiseLike<void>> | undefined)?.then === "function";
}
