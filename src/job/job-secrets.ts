import type { AddedVariable } from "../core/contracts/log-filter.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { FilterChain } from "./log/filter-chain.ts";

interface SecretsOptions {
  readonly logger: Logger;
  /** Receives values of the job that the agent's log must mask. */
  readonly onSecrets?: (values: readonly string[]) => void;
}

/** Passes values that are masked to the agent's log, which is masked line by line, and to the job's journal. */
export function createSecretsRelay({ onSecrets }: SecretsOptions) {
  const relay: {
    readonly add: (values: readonly string[]) => void;
    onAdded?: (values: readonly string[]) => void;
  } = {
    add(values) {
      onSecrets?.(values.flatMap((value) => value.split("\n")));
      if (values.length > 0) relay.onAdded?.(values);
    },
  };
  return relay;
}

/** Returns a function that has the value of a secret variable masked in both logs. */
export function createMask(filters: FilterChain, { logger, onSecrets }: SecretsOptions) {
  let isReported = filters.canMask;
  return (variable: AddedVariable): void => {
    const { name, value, isSecret } = variable;
    filters.addVariable(variable);
    if (!isSecret) return;
    // The agent's log is masked line by line.
    onSecrets?.(value.split("\n"));
    if (isReported) return;
    isReported = true;
    logger.warn(`the variable "${name}" is secret, but no log filter masks it in the job's log`);
  };
}
