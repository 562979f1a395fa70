import type { Pod } from "../client/objects.ts";
import { mainContainer } from "../pod/build-pod.ts";

/** Returns why a pod has ended, for the job's log; `undefined` while it runs. */
export function findPodEnd(pod: Pod, isGone: boolean): string | undefined {
  const { phase, reason = "", message = "" } = pod.status ?? {};
  const hasPodEnded = isGone || phase === "Failed" || phase === "Succeeded" || hasEnded(pod);
  const disruption = pod.status?.conditions?.find(
    ({ type, status }) => type === "DisruptionTarget" && status === "True",
  );
  if (disruption?.reason === "DeletionByTaintManager")
    return `the pod's node was lost: ${disruption.message ?? "it does not answer"}`;
  if (!hasPodEnded) return undefined;
  if (reason === "Evicted") return `the pod was evicted: ${message}`;
  if (reason === "DeadlineExceeded") return `the pod's deadline has passed: ${message}`;
  if (reason === "NodeLost" || reason === "NodeShutdown" || reason === "Terminated")
    return `the pod's node has shut down or was lost: ${message}`;
  if (disruption) return `the pod was evicted (${disruption.reason ?? ""}): ${disruption.message ?? ""}`;
  const ended = describeEnd(pod);
  // Deleting a pod also ends its container; then the deletion is the cause.
  if (ended !== undefined && (pod.metadata.deletionTimestamp === undefined || ended.includes("memory")))
    return ended;
  if (isGone || pod.metadata.deletionTimestamp !== undefined)
    return `the pod was deleted by another program${describeOwner(pod)}`;
  return `the pod ended with status ${phase}${reason === "" ? "" : ` (${reason})`}${message === "" ? "" : `: ${message}`}`;
}

function describeOwner({ metadata: { ownerReferences = [] } }: Pod): string {
  const owner = (ownerReferences as readonly { kind?: string; name?: string }[]).find(
    ({ kind }) => kind === "ConfigMap",
  );
  return owner ? `, or with its owner, ConfigMap "${owner.name}", as by the end of its release` : "";
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
  // containerd's words for a container that ended while containerd itself did not run.
  if (reason === "Unknown" && exitCode === 255)
    return "the job's container ended with its node, which failed or was restarted";
  const more = message === "" ? "" : `: ${message}`;
  return `the job's container ended with exit code ${exitCode}${reason === "" ? "" : ` (${reason})`}${more}`;
}
