import type { Pod } from "../client/objects.ts";
import { mainContainer } from "../pod/build-pod.ts";

/** Why a pod whose session has broken is over, for the job's log; `undefined`: it is not. */
export function findPodEnd(pod: Pod, isGone: boolean): string | undefined {
  const { phase, reason = "", message = "" } = pod.status ?? {};
  const isOver = isGone || phase === "Failed" || phase === "Succeeded" || hasEnded(pod);
  const disruption = pod.status?.conditions?.find(
    ({ type, status }) => type === "DisruptionTarget" && status === "True",
  );
  if (disruption?.reason === "DeletionByTaintManager")
    return `the pod's node was lost: ${disruption.message ?? "it does not answer"}`;
  if (!isOver) return undefined;
  if (reason === "Evicted") return `the pod was evicted: ${message}`;
  if (reason === "DeadlineExceeded") return `the pod's deadline has passed: ${message}`;
  if (reason === "NodeLost" || reason === "NodeShutdown" || reason === "Terminated")
    return `the pod's node has shut down or was lost: ${message}`;
  if (disruption) return `the pod was evicted (${disruption.reason ?? ""}): ${disruption.message ?? ""}`;
  const ended = describeEnd(pod);
  // The container of a pod that is deleted ends as well; what it died of is no news then.
  if (ended !== undefined && (pod.metadata.deletionTimestamp === undefined || ended.includes("memory")))
    return ended;
  if (isGone || pod.metadata.deletionTimestamp !== undefined)
    return "the pod was deleted, and not by this agent";
  return `the pod ended with status ${phase}${reason === "" ? "" : ` (${reason})`}${message === "" ? "" : `: ${message}`}`;
}

function mainState(pod: Pod) {
  return pod.status?.containerStatuses?.find(({ name }) => name === mainContainer)?.state;
}

function hasEnded(pod: Pod): boolean {
  return mainState(pod)?.terminated !== undefined;
}

function describeEnd(pod: Pod): string | undefined {
  const ended = mainState(pod)?.terminated;
  if (!ended) return undefined;
  const { exitCode = 0, reason = "", message = "" } = ended;
  if (reason === "OOMKilled") return "the job's container was killed: out of memory";
  const more = message === "" ? "" : `: ${message}`;
  return `the job's container ended with exit code ${exitCode}${reason === "" ? "" : ` (${reason})`}${more}`;
}
