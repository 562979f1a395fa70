import { once } from "node:events";

/** Resolves when the signal aborts, or at once if it has aborted. */
export async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}
