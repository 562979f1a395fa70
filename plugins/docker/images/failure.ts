import { isUnreachable, statusOf, toReason } from "../engine/errors.ts";
import { parseReference } from "./reference.ts";

/** Reason for a failed pull or a failed login. */
export interface RegistryFailure {
  readonly kind: "absent" | "refused" | "unreachable";
  /** A line for the job's log. */
  readonly line: string;
}

/** Classifies the error of a pull. Only pulls from an unreachable registry are tried again. */
export function toPullFailure(error: unknown, image: string, hasLogin: boolean): RegistryFailure {
  const reason = toReason(error);
  const { registry } = parseReference(image);
  if (isUnreachable(error))
    return { kind: "unreachable", line: `The Docker engine did not answer: ${reason}` };
  switch (classify(error, reason)) {
    case "refused":
      return hasLogin
        ? {
            kind: "refused",
            line: `Registry "${registry}" rejected the credentials for image "${image}": ${reason}`,
          }
        : {
            kind: "refused",
            line: `Registry "${registry}" requires credentials for image "${image}", and the job has none for it: ${reason}`,
          };
    case "absent":
      return { kind: "absent", line: `Image "${image}" not found: ${reason}` };
    case "unreachable":
      return {
        kind: "unreachable",
        line: `Registry "${registry}" did not answer for image "${image}": ${reason}`,
      };
  }
}

export function toLoginFailure(error: unknown, registry: string): RegistryFailure {
  const reason = toReason(error);
  return statusOf(error) === 401 || classify(error, reason) === "refused"
    ? { kind: "refused", line: `Registry "${registry}" rejected the credentials: ${reason}` }
    : { kind: "unreachable", line: `Registry "${registry}" did not answer: ${reason}` };
}

function classify(error: unknown, reason: string): RegistryFailure["kind"] {
  // Docker Hub gives the same answer for a private image and a missing one.
  if (/repository does not exist|manifest unknown|manifest for .* not found|name unknown/i.test(reason))
    return "absent";
  if (/no matching manifest|no match for platform|does not match the specified platform/i.test(reason))
    return "absent";
  if (
    /unauthorized|no basic auth|authentication required|incorrect username|access denied|denied:|forbidden/i.test(
      reason,
    )
  )
    return "refused";
  return statusOf(error) === 404 ? "absent" : "unreachable";
}
