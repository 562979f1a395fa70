import { AgentError, decodeBase64, type JobCommandHandler } from "signalman";
import { minSecretBytes } from "./encodings.ts";

/** Limits of what a job may add to the values that its log masks. */
export const redactLimits = { valueBytes: 64 * 1024, values: 1000, bytes: 1024 * 1024 } as const;

/**
 * The command `redact` for a job's own processes: `{ "do": "redact", "values": [<base64>, …] }` masks these
 * values in all output that arrives after the answer. All of them are added, or none.
 */
export function createRedactCommand({
  add,
}: {
  readonly add: (values: readonly Uint8Array[]) => void;
}): JobCommandHandler {
  const known = new Set<string>();
  let knownBytes = 0;
  return {
    run({ values }) {
      if (!Array.isArray(values)) throw refuse('"values" is no list');
      const added = new Map<string, Uint8Array>();
      for (const text of values as unknown[]) {
        const value = typeof text === "string" ? decodeBase64(text) : undefined;
        if (typeof text !== "string" || value === undefined) throw refuse("a value is not base64");
        assertLength(value.length);
        if (!known.has(text)) added.set(text, value);
      }
      const bytes = [...added.values()].reduce((sum, { length }) => sum + length, knownBytes);
      if (known.size + added.size > redactLimits.values)
        throw refuse(`a job can add ${redactLimits.values} values, and no more`);
      if (bytes > redactLimits.bytes)
        throw refuse(`a job can add ${redactLimits.bytes} bytes of values, and no more`);
      if (added.size === 0) return;
      add([...added.values()]);
      for (const text of added.keys()) known.add(text);
      knownBytes = bytes;
    },
  };
}

function assertLength(bytes: number): void {
  if (bytes < minSecretBytes)
    throw refuse(`a value is shorter than ${minSecretBytes} bytes, and cannot be masked`);
  if (bytes > redactLimits.valueBytes)
    throw refuse(`a value is longer than ${redactLimits.valueBytes} bytes`);
}

function refuse(why: string): AgentError {
  return new AgentError("JOB_REFUSED", why);
}
