/** Sends a signal to a process of ours, or to the group of `-pid`; one that is gone gets none. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}
