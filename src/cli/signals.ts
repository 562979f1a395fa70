/** Calls `onSignal` for each SIGINT, SIGTERM and SIGHUP with their count, from 1, and the signal's name. */
export function onSignals(
  onSignal: (count: number, name: NodeJS.Signals) => void | Promise<void>,
): Disposable {
  let count = 0;
  const listener = (name: NodeJS.Signals) => void onSignal(++count, name);
  for (const name of signals) process.on(name, listener);
  return {
    [Symbol.dispose]() {
      for (const name of signals) process.off(name, listener);
    },
  };
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
