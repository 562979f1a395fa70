import { minSecretBytes } from "./log/encodings.ts";
import type { Redactor } from "./log/redactor.ts";
import { decodeBase64 } from "../core/base64.ts";
import { redactLimits } from "./job-messages.ts";
import type { JobSocketCommand } from "./job-socket.ts";

export interface RedactCommandOptions {
  readonly redactor: Pick<Redactor, "add">;
  readonly onSecrets: (values: readonly Uint8Array[]) => void;
}

/** Lets a job add values to what its log masks, up to `redactLimits`. */
export function createRedactCommand({ redactor, onSecrets }: RedactCommandOptions): JobSocketCommand {
  const known = new Set<string>();
  let knownBytes = 0;
  return ({ values }) => {
    if (!Array.isArray(values)) throw new Error('"values" is no list');
    const added = new Map<string, Uint8Array>();
    let bytes = knownBytes;
    for (const text of values as unknown[]) {
      const value = typeof text === "string" ? decodeBase64(text) : undefined;
      if (typeof text !== "string" || value === undefined) throw new Error("a value is no base64");
      if (value.length < minSecretBytes)
        throw new Error(`a value is shorter than ${minSecretBytes} bytes, and cannot be masked`);
      if (value.length > redactLimits.valueBytes)
        throw new Error(`a value is longer than ${redactLimits.valueBytes} bytes`);
      if (known.has(text) || added.has(text)) continue;
      added.set(text, value);
      bytes += value.length;
    }
    if (known.size + added.size > redactLimits.values)
      throw new Error(`a job can add ${redactLimits.values} values, and no more`);
    if (bytes > redactLimits.bytes)
      throw new Error(`a job can add ${redactLimits.bytes} bytes of values, and no more`);
    if (added.size === 0) return;
    redactor.add(added.values());
    onSecrets([...added.values()]);
    for (const text of added.keys()) known.add(text);
    knownBytes = bytes;
  };
}
