import type { AddedVariable, LogFilter, LogFilterCounts } from "../../core/contracts/log-filter.ts";
import { toMessage } from "../../core/errors.ts";
import type { Logger } from "../../core/contracts/logger.ts";

/** A filter, and the name under which it is provided. */
export interface NamedFilter {
  readonly name: string;
  readonly filter: LogFilter;
}

/** All filters of a job's log, one after another. */
export interface FilterChain extends LogFilter {
  /** Whether a filter masks the values of variables that plugins set. */
  readonly canMask: boolean;
  /** Whether no filter holds bytes back; `false` also when that is unknown. */
  readonly isIdle: boolean;
  /** Throws what a filter throws. */
  addVariable(variable: AddedVariable): void;
  /** Bytes that were dropped because a filter failed. */
  readonly droppedBytes: number;
}

/**
 * Chains filters. It fails closed: when one of them throws, none is called again, all further output is
 * dropped and counted, and a line `[signalman: …]` in the output reports it. The error goes to the agent's
 * log only, since it may contain output.
 */
export function createFilterChain(
  filters: readonly NamedFilter[],
  logger: Pick<Logger, "error">,
): FilterChain {
  let failed: string | undefined;
  let isReported = false;
  let droppedBytes = 0;

  /** Passes a value through all filters; returns `undefined` when one of them fails. */
  function pass<T>(value: T, through: (filter: LogFilter, value: T) => T): T | undefined {
    let current = value;
    for (const { name, filter } of filters) {
      try {
        current = through(filter, current);
      } catch (error) {
        failed = name;
        logger.error(`log filter "${name}" failed, the job's further output is dropped: ${toMessage(error)}`);
        return undefined;
      }
    }
    return current;
  }

  function report(): Uint8Array {
    if (isReported) return nothing;
    isReported = true;
    return Buffer.from(`\n[signalman: log filter "${failed}" failed, all further output is dropped]\n`);
  }

  function push(bytes: Uint8Array): Uint8Array {
    const passed = failed === undefined ? pass(bytes, (filter, data) => filter.push(data)) : undefined;
    if (passed !== undefined) return passed;
    droppedBytes += bytes.length;
    return report();
  }

  return {
    push,
    flush() {
      if (failed !== undefined) return report();
      // What one filter held back goes through those after it, and then they are flushed as well.
      const rest = pass(nothing, (filter, data) =>
        Buffer.concat([data.length > 0 ? filter.push(data) : nothing, filter.flush()]),
      );
      return rest ?? report();
    },
    text(text) {
      const shown = failed === undefined ? pass(text, (filter, current) => filter.text(current)) : undefined;
      return shown ?? `[signalman: dropped, since log filter "${failed}" failed]`;
    },
    get isIdle() {
      return failed === undefined && filters.every(({ filter }) => filter.heldBytes === 0);
    },
    canMask: filters.some(({ filter }) => filter.addVariable !== undefined),
    addVariable: (variable) => filters.forEach(({ filter }) => filter.addVariable?.(variable)),
    counts: () => toSum(filters.map(({ filter }) => filter.counts())),
    get droppedBytes() {
      return droppedBytes;
    },
  };
}

const nothing = new Uint8Array(0);

function toSum(counts: readonly LogFilterCounts[]): LogFilterCounts {
  return {
    maskedBytes: counts.reduce((sum, { maskedBytes }) => sum + maskedBytes, 0),
    masks: counts.reduce((sum, { masks }) => sum + masks, 0),
  };
}
