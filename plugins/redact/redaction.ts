import type { LogFilter, LogFilterContext } from "signalman";
import type { RedactConfig } from "./config.ts";
import { createRedactor } from "./redactor.ts";
import { createVariableSecrets, secretsOf } from "./secrets.ts";

/** The filter of one job, to which values can be added while the job runs. */
export interface Redaction extends LogFilter {
  add(values: readonly Uint8Array[]): void;
}

/** Number of values of variables that plugins set, each of at most 64 KiB. */
const mostVariableValues = 1000;

/** Masks the secrets of a job's request, and tokens of known formats. */
export function openRedaction(
  { job, secrets, addSecrets }: LogFilterContext,
  options: RedactConfig,
): Redaction {
  const values = secretsOf(job, { redactedVars: options.vars, tokens: secrets });
  const redactor = createRedactor(values, { shapes: options.shapes });
  const maskInAgentLog = (added: readonly Uint8Array[]) =>
    addSecrets(added.map((value) => Buffer.from(value).toString()));
  maskInAgentLog(values);
  const secretsOfVariable = createVariableSecrets(options.vars);
  /** A plugin may set a variable anew before each command. */
  const known = new Set<string>();
  const add = (added: readonly Uint8Array[]) => {
    redactor.add(added);
    maskInAgentLog(added);
  };
  return {
    push: redactor.push,
    flush: redactor.flush,
    get heldBytes() {
      return redactor.heldBytes();
    },
    text: redactor.redactText,
    counts: () => ({ maskedBytes: redactor.redactedBytes, masks: redactor.count }),
    add,
    addVariable(variable) {
      const added = secretsOfVariable(variable).filter((value) => !known.has(Buffer.from(value).toString()));
      if (added.length === 0) return;
      if (known.size + added.length > mostVariableValues)
        throw new Error(`the log masks ${mostVariableValues} values that plugins set, and no more`);
      for (const value of added) known.add(Buffer.from(value).toString());
      add(added);
    },
  };
}
