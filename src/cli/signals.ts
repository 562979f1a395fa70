/** Calls `onSignal` for each SIGINT, SIGTERM and SIGHUP with their count: 1 for the first, 2 for the second. */
export function onSignals(onSignal: (count: number) => void | Promise<void>): Disposable {
  let count = 0;
  const listener = () => void onSignal(++count);
  for (const name of signals) process.on(name, listener);
  return {
    [Symbol.dispose]() {
      for (const name of signals) process.off(name, listener);
    },
  };
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
