import type { CheckContext, Finding } from "signalman";
import { findCore } from "signalman/host";
import { findGroupOutlook, limitRemedy } from "signalman/executor";

/** Checks whether jobs get control groups of their own, and whether those enforce the limits that are set. */
export function checkControlGroup({ config }: Pick<CheckContext, "config">): Finding[] {
  const { "job-memory": memoryBytes, "job-pids": pids, "job-cpus": cpus } = findCore(config) ?? {};
  const limits = {
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(pids !== undefined && { pids }),
    ...(cpus !== undefined && { cpus }),
  };
  const { directory, reason, fault } = findGroupOutlook(limits);
  const outlook: Finding =
    directory === undefined
      ? {
          level: "ok",
          title: "jobs in the shell have no control groups of their own",
          detail: `${reason}; processes that a job left are found by descent, session and environment`,
        }
      : { level: "ok", title: `each job in the shell has a control group of its own in "${directory}"` };
  if (fault === undefined || Object.keys(limits).length === 0) return [outlook];
  const isHost = fault.scope === "host";
  const detail = isHost
    ? fault.reason
    : `${fault.reason}; the agent of a service may run in another control group than this command`;
  return [
    outlook,
    {
      // What depends on the control group of this command need not hold for the agent.
      level: isHost ? "error" : "warning",
      title: "limits of jobs in the shell cannot be enforced: an agent here does not start",
      detail,
      remedy: limitRemedy,
    },
  ];
}
