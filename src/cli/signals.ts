/** Calls `onSignal` with 1 for the first signal that asks this process to leave, 2 for the second, and so on. */
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
