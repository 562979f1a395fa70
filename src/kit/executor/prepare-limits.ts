import type { JobLimits } from "../../core/contracts/executor-options.ts";
import { toMessage } from "../../core/errors.ts";
import { enableControllers, findLimitFault, type LimitFault } from "../../os/cgroup/limits.ts";
import { findGroupPlace } from "../../os/cgroup/place.ts";

/** The control groups that jobs would have, and whether those enforce limits. */
export interface GroupOutlook {
  /** The group below which each job gets its own. */
  readonly directory?: string;
  /** Why jobs have no groups of their own. */
  readonly reason?: string;
  /** Why limits cannot be enforced. */
  readonly fault?: LimitFault | undefined;
}

/** Finds out what groups jobs would have. Changes nothing. */
export function findGroupOutlook(limits: JobLimits): GroupOutlook {
  const place = findGroupPlace();
  if ("reason" in place) return { reason: place.reason, fault: toFault(place.reason) };
  return { directory: place.directory, fault: findLimitFault(place, limits) };
}

/** Implements `ExecutorFactory.prepareLimits` by control groups. */
export function prepareLimits(
  limits: JobLimits,
  { dryRun }: { readonly dryRun: boolean },
): string | undefined {
  const place = findGroupPlace();
  const fault = "reason" in place ? toFault(place.reason) : findLimitFault(place, limits);
  if (fault !== undefined) {
    const isCertain = fault.scope === "host" || !dryRun;
    return isCertain ? `${fault.reason}; ${limitRemedy}` : undefined;
  }
  if (dryRun || "reason" in place) return undefined;
  try {
    enableControllers(place, limits);
    return undefined;
  } catch (error) {
    return `the controllers cannot be enabled: ${toMessage(error)}; ${limitRemedy}`;
  }
}

/** What an operator can do about a fault. */
export const limitRemedy: string =
  "unset the option, or start the agent in a control group of version 2 with these controllers (under systemd 254 or newer: Delegate=yes and DelegateSubgroup=agent)";

function toFault(reason: string): LimitFault {
  return { reason, scope: "group" };
}
