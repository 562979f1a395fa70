import type { ContainerStatus, Pod } from "../client/objects.ts";

/** The states of a pod and its containers as strings of the protocol (section 7). */
export function describeStatuses(pod: Pod): string {
  return `[${[...describeScheduling(pod), ...statusesOf(pod).map(describeContainer)].join(", ")}]`;
}

export function statusesOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function describeScheduling({ spec, status }: Pod): string[] {
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return [`unscheduled - ${reasonAndMessage(scheduled)}`];
  return spec.nodeName === undefined ? [] : [`scheduled on node '${spec.nodeName}'`];
}

export function describeContainer({ image, state }: ContainerStatus): string {
  const container = `container '${image}'`;
  if (state?.waiting) return `${container} waiting - ${reasonAndMessage(state.waiting)}`;
  if (state?.terminated) {
    const { exitCode = 0 } = state.terminated;
    return `${container} terminated - ${reasonAndMessage(state.terminated)}, exit code=${exitCode}`;
  }
  if (state?.running) return `${container} is running since ${state.running.startedAt ?? ""}`;
  return `${container} is in an unknown state`;
}

function reasonAndMessage({ reason = "", message = "" }: { reason?: string; message?: string }): string {
  return `reason='${reason}', message='${message}'`;
}
