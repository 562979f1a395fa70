import { decodeBase64 } from "../../core/base64.ts";
import type { EnvironmentVariable } from "../../core/contracts/job-request.ts";

/**
 * The text of a variable of the request. The last of a name counts, as it does in the job's shell. `undefined`: there is none, or it is no
 * base64.
 */
export function readVariable(env: readonly EnvironmentVariable[], name: string): string | undefined {
  const value = env.findLast((variable) => variable.name === name)?.value;
  const bytes = value === undefined ? undefined : decodeBase64(value);
  return bytes && new TextDecoder().decode(bytes);
}
