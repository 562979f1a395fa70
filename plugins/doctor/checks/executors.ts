import { type Check, type CoreConfig, coreName } from "signalman";

/** Whether the executors that `executors` puts in the place of others are there. `known`: what plugins provide. */
export function toExecutorsCheck(known: readonly string[]): Check {
  return {
    run({ config }) {
      const named = (config.of(coreName) as CoreConfig | undefined)?.executors ?? {};
      return Object.entries(named)
        .filter(([, name]) => !known.includes(name))
        .map(([asked, name]) => ({
          level: "error",
          title: `jobs that ask for "${asked}" fail: no plugin provides the executor "${name}"`,
          remedy: `load the plugin that does, or give --executors one of these: ${known.join(", ")}`,
        }));
    },
  };
}
