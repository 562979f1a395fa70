import type { ContainerStatus, Pod } from "../client/objects.ts";
import { mainContainer } from "../pod/build-pod.ts";

/** The state of a pod that is expected to become ready. */
export type Verdict =
  | { readonly kind: "ready" }
  | { readonly kind: "waiting"; readonly line: string }
  /** The pod cannot become ready. `crashed` is the container that has exited. */
  | { readonly kind: "failed"; readonly message: string; readonly crashed?: string };

export function judge(pod: Pod): Verdict {
  const { name } = pod.metadata;
  const { phase = "Pending", reason = "", message = "" } = pod.status ?? {};
  const statuses = statusesOf(pod);
  const unpulled = statuses.find(({ state }) => pullFaults.has(state?.waiting?.reason ?? ""));
  if (unpulled)
    return {
      kind: "failed",
      message: `failed to pull image for '${unpulled.name}': [${describeContainer(unpulled)}]`,
    };

  const withoutBash = statuses.find(lacksBash);
  if (withoutBash)
    return {
      kind: "failed",
      message: `image '${withoutBash.image}' has no bash: install bash and coreutils or busybox in the image, or use another image`,
    };

  const crashed = pod.status?.containerStatuses?.find(({ state }) => state?.terminated);
  if (phase === "Failed" || phase === "Succeeded" || crashed) {
    const status =
      crashed && phase !== "Failed"
        ? `container '${crashed.name}' has ended`
        : `pod '${name}' already finished with status ${phase}`;
    return {
      kind: "failed",
      message: `${status} - reason: '${reason}', message: '${message}', statuses: ${describeStatuses(pod)}`,
      ...(crashed && { crashed: crashed.name }),
    };
  }

  const broken = statuses.find(cannotStart);
  if (broken)
    return {
      kind: "failed",
      message: `container '${broken.name}' cannot start: [${describeContainer(broken)}]`,
    };
  return toReadiness(pod);
}

/** Whether the event of a failed mount names a permanent cause. */
export function isMissing(message: string): boolean {
  return /(configmap|secret) "[^"]*" not found|references non-existent (config|secret) key/.test(message);
}

const pullFaults: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
]);

const startFaults: ReadonlySet<string> = new Set([
  "CreateContainerError",
  "RunContainerError",
  "CrashLoopBackOff",
]);

function cannotStart({ state }: ContainerStatus): boolean {
  const { reason = "", message = "" } = state?.waiting ?? {};
  // The kubelet may time out while it fills its cache of secrets; other causes are permanent.
  return startFaults.has(reason) || (reason === "CreateContainerConfigError" && !/timed out/.test(message));
}

function lacksBash({ name, state }: ContainerStatus): boolean {
  const message = `${state?.waiting?.message ?? ""}${state?.terminated?.message ?? ""}`;
  return name === mainContainer && /exec: "bash": (executable file not found|stat)/.test(message);
}

function toReadiness(pod: Pod): Verdict {
  const statuses = pod.status?.containerStatuses ?? [];
  const unready = statuses.find(({ ready }) => !ready);
  if (pod.status?.phase === "Running" && statuses.length > 0) {
    if (unready === undefined) return { kind: "ready" };
    return {
      kind: "waiting",
      line: `container '${unready.name}' is not ready yet - statuses: ${describeStatuses(pod)}`,
    };
  }
  return { kind: "waiting", line: `pod in pending state - statuses: ${describeStatuses(pod)}` };
}

/** The states of a pod and its containers as strings of the protocol (section 7). */
function describeStatuses(pod: Pod): string {
  return `[${[...describeScheduling(pod), ...statusesOf(pod).map(describeContainer)].join(", ")}]`;
}

function statusesOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function describeScheduling({ spec, status }: Pod): string[] {
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return [`unscheduled - ${reasonAndMessage(scheduled)}`];
  return spec.nodeName === undefined ? [] : [`scheduled on node '${spec.nodeName}'`];
}

function describeContainer({ image, state }: ContainerStatus): string {
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
