import type { ContainerStatus, Pod } from "../client/objects.ts";

/**
 * Describes in one line what a pod waits for: `Pending: Unschedulable, 0/3 nodes are available`, or `0 of 2
 * containers ready; main: ContainerCreating, db: PodInitializing`.
 */
export function describeProgress({ spec, status }: Pod): string {
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return `Pending: ${join([scheduled.reason, scheduled.message])}`;
  const containers = status?.containerStatuses ?? [];
  const steps = (status?.initContainerStatuses ?? []).filter(
    ({ state }) => state?.terminated?.exitCode !== 0,
  );
  const waiting = [...steps.filter(isBegun), ...containers.filter(({ ready }) => !ready)];
  if (waiting.length === 0) {
    const node = spec.nodeName === undefined ? [] : [`scheduled on node ${spec.nodeName}`];
    return join([status?.phase ?? "Pending", ...node]);
  }
  const ready = containers.filter(({ ready: isReady }) => isReady).length;
  return `${ready} of ${containers.length} containers ready; ${waiting.map(describe).join(", ")}`;
}

/** Init containers run one after another, and those after the first one only repeat that they wait. */
function isBegun({ state }: ContainerStatus, index: number): boolean {
  return index === 0 || state?.waiting === undefined;
}

function describe({ name, state }: ContainerStatus): string {
  const reason = state?.waiting?.reason ?? state?.terminated?.reason;
  return `${name}: ${reason || (state?.running ? "running" : "waiting")}`;
}

function join(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(", ");
}
