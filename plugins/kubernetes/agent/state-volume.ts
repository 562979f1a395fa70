import type { Pod } from "../client/objects.ts";

interface Mount {
  readonly name: string;
  readonly mountPath: string;
}

/**
 * Says what the loss of the agent's pod costs when its state is lost with it, in one sentence without a full stop;
 * `undefined` when the state outlives the pod, or the pod is never started again, as those of KEDA.
 */
export function findStateLoss(pod: Pod, stateDirectory: string): string | undefined {
  if (pod.spec["restartPolicy"] === "Never") return undefined;
  const mounts = (pod.spec.containers ?? []).flatMap(
    ({ volumeMounts = [] }) => volumeMounts as readonly Mount[],
  );
  const [mount] = mounts
    .filter(({ mountPath }) => isWithin(stateDirectory, mountPath))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
  const volume = (
    pod.spec.volumes as readonly { readonly name: string; readonly emptyDir?: object }[] | undefined
  )?.find(({ name }) => name === mount?.name);
  if (volume !== undefined && volume.emptyDir === undefined) return undefined;
  const seconds = Number(pod.spec["terminationGracePeriodSeconds"] ?? 30);
  const place = volume === undefined ? "the container's file system" : `the emptyDir "${volume.name}"`;
  return `the agent's state is in ${place}: a rollout, an eviction or a drained node ends each job that runs for more than ${seconds} s after it`;
}

/** What an operator can do about it. */
export const stateRemedy = "run the agent as a StatefulSet with its state on a volume (docs/kubernetes.md)";

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}
