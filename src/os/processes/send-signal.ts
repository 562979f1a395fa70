/** Sends a signal to a process of ours, or to the process group `-pid`. Ignores a process that is gone. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}
