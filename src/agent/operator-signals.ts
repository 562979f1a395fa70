import type { AgentSignals } from "../core/contracts/job-source.ts";
import type { StopReason } from "../core/contracts/agent-status.ts";
import { unixSeconds } from "../job/log/events.ts";

export interface OperatorSignalsOptions {
  /**
   * Called at the first SIGINT or SIGTERM. The interrupt waits for the promise, which never rejects; `undefined`: it
   * does not wait.
   */
  readonly onFirst: () => Promise<void> | undefined;
  /** Called before the interrupt. */
  readonly onInterrupt: () => void;
  /** Called at SIGQUIT. */
  readonly onDrain: () => void;
  /** Called at the second SIGINT or SIGTERM, and at the third. */
  readonly onSecond: () => void;
  readonly onThird: () => void;
  readonly onReopen: () => void;
}

export interface OperatorSignals extends AgentSignals, Disposable {
  /** Aborts at the second SIGINT or SIGTERM: the shutdown hook is no longer awaited. */
  readonly second: AbortSignal;
  /** Drains the agent, as SIGQUIT does, for another reason. */
  stop(reason: StopReason): void;
  /** Hands over, as SIGUSR2 does. Has no effect after the interrupt. */
  startHandOver(): void;
}

/**
 * Listens to the signals of an operator. SIGINT, SIGTERM: interrupt; the second: stop the running jobs; the
 * third: kill them and exit. SIGQUIT: drain. SIGUSR2: hand over to another process. SIGHUP: reopen the
 * agent's log file.
 */
export function listenToOperator(options: OperatorSignalsOptions): OperatorSignals {
  const interrupt = new AbortController();
  const drain = new AbortController();
  const handOver = new AbortController();
  const second = new AbortController();
  let interruptedAt = 0;
  let count = 0;

  const startInterrupt = () => {
    if (handOver.signal.aborted || interrupt.signal.aborted) return;
    options.onInterrupt();
    interrupt.abort();
  };
  const onInterrupt = () => {
    count += 1;
    if (count === 1) {
      interruptedAt = unixSeconds();
      const asked = options.onFirst();
      if (asked) void asked.then(startInterrupt);
      else startInterrupt();
    } else if (count === 2) {
      startInterrupt();
      options.onSecond();
      second.abort();
    } else options.onThird();
  };
  const stop = (reason: StopReason) => drain.abort(reason);
  const startHandOver = () => {
    if (!interrupt.signal.aborted) handOver.abort();
  };
  const listeners = {
    SIGINT: onInterrupt,
    SIGTERM: onInterrupt,
    SIGQUIT() {
      options.onDrain();
      stop("requested");
    },
    SIGUSR2: () => handOver.abort(),
    SIGHUP: options.onReopen,
  } as const;
  const names = Object.keys(listeners) as (keyof typeof listeners)[];
  for (const name of names) process.on(name, listeners[name]);

  return {
    interrupt: interrupt.signal,
    get interruptedAt() {
      return interruptedAt;
    },
    drain: drain.signal,
    handOver: handOver.signal,
    second: second.signal,
    stop,
    startHandOver,
    [Symbol.dispose]() {
      for (const name of names) process.off(name, listeners[name]);
    },
  };
}
