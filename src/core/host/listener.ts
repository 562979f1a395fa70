import { type Hook, type HookEvents, type HookName, hookTable } from "../contracts/hooks.ts";
import type { Logger } from "../contracts/logger.ts";
import { toMessage } from "../errors.ts";
import { attributeError } from "./attribution.ts";

export type Listener = (event: HookEvents[HookName]) => Promise<void>;

/**
 * Wraps a plugin's function according to the kind of the hook: what it throws rejects in a gate and is logged
 * in a notice; both name the plugin.
 */
export function createListener<N extends HookName>(
  name: N,
  fn: Hook<N>,
  { plugin, log }: { readonly plugin: string; readonly log: Logger },
): Listener {
  return async (event) => {
    const started = performance.now();
    try {
      await fn(event as HookEvents[N]);
      log.debug(`${name} handled`, { durationMs: Math.round(performance.now() - started) });
    } catch (error) {
      const attributed = attributeError(error, { plugin, where: name });
      if (hookTable[name].kind === "gate") throw attributed;
      log.error(toMessage(attributed));
    }
  };
}
