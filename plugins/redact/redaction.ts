import type { LogFilter, LogFilterContext } from "signalman";
import type { RedactConfig } from "./config.ts";
import { createRedactor } from "./redactor.ts";
import { secretsOf } from "./secrets.ts";

/** The filter of one job, to which values can be added while the job runs. */
export interface Redaction extends LogFilter {
  add(values: readonly Uint8Array[]): void;
}

/** Masks the secrets of a job's request, and tokens of known formats. */
export function openRedaction(
  { job, secrets, addSecrets }: LogFilterContext,
  options: RedactConfig,
): Redaction {
  const values = secretsOf(job, { redactedVars: options.vars, tokens: secrets });
  const redactor = createRedactor(values, { shapes: options.shapes });
  // The agent's log is masked line by line.
  const maskInAgentLog = (added: readonly Uint8Array[]) =>
    addSecrets(added.flatMap((value) => Buffer.from(value).toString().split("\n")));
  maskInAgentLog(values);
  return {
    push: redactor.push,
    flush: redactor.flush,
    text: redactor.redactText,
    counts: () => ({ maskedBytes: redactor.redactedBytes, masks: redactor.count }),
    add(added) {
      redactor.add(added);
      maskInAgentLog(added);
    },
  };
}
