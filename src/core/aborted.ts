import { once } from "node:events";

/** Resolves when the signal aborts, at once when it has. */
export async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}
