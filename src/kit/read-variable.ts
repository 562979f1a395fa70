import { decodeBase64 } from "../core/text/base64.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";

/**
 * Returns the text of a variable of a request. The last one of a name counts, as in the job's shell. Returns
 * `undefined` when there is none, or when its value is not base64.
 */
export function readVariable(env: readonly EnvironmentVariable[], name: string): string | undefined {
  const value = env.findLast((variable) => variable.name === name)?.value;
  const bytes = value === undefined ? undefined : decodeBase64(value);
  return bytes && new TextDecoder().decode(bytes);
}
