import type { Check } from "signalman";
import { findCore } from "signalman/host";

/** Checks that the replacements in the option `executors` exist. `known`: the executors that plugins provide. */
export function toExecutorsCheck(known: readonly string[]): Check {
  return {
    run({ config }) {
      const replacements = findCore(config)?.executors ?? {};
      return Object.entries(replacements)
        .filter(([, name]) => !known.includes(name))
        .map(([requested, name]) => ({
          level: "error",
          title: `jobs that request the executor "${requested}" fail: no plugin provides the executor "${name}"`,
          remedy: `load the plugin that provides it, or set --executors to one of these: ${known.join(", ")}`,
        }));
    },
  };
}
