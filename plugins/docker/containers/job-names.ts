/** Names and labels of one job's containers, network and cgroup. */
export interface JobNames {
  readonly instance: string;
  /** Labels of all objects of the job. */
  readonly labels: Readonly<Record<string, string>>;
  readonly networkName: string;
  /** Name of the cgroup around the job's containers. */
  readonly cgroupName: string;
  containerName(name: string): string;
}

export const labels = {
  /** The random id of the agent that has created the object. */
  agent: "signalman/agent-id",
  job: "signalman/job-id",
  /** The executor. Another run of a job and a hook after a stop have one of their own. */
  instance: "signalman/instance",
  /** `session`, `service` or `network`. */
  purpose: "signalman/purpose",
  /** The container's name in the job. */
  container: "signalman/container",
} as const;

/** Creates names that are unique to this run of the job, or returns those of an earlier instance of it. */
export function createJobNames({
  agentId,
  jobId,
  instance = crypto.getRandomValues(new Uint8Array(4)).toHex(),
}: {
  readonly agentId: string;
  readonly jobId: string;
  readonly instance?: string | undefined;
}): JobNames {
  const prefix = `signalman-${toEngineName(jobId)}-${instance}`;
  return {
    instance,
    labels: { [labels.agent]: agentId, [labels.job]: jobId, [labels.instance]: instance },
    networkName: prefix,
    cgroupName: `${toEngineName(agentId)}.${toEngineName(jobId)}.${instance}`,
    containerName: (name) => `${prefix}-${toEngineName(name)}`,
  };
}

/** Returns the job whose cgroup has this name; `undefined` for a cgroup of another agent. */
export function readCgroupName(name: string, agentId: string): string | undefined {
  const prefix = `${toEngineName(agentId)}.`;
  return name.startsWith(prefix) ? /^(.*)\.[0-9a-f]{8}$/.exec(name.slice(prefix.length))?.[1] : undefined;
}

/** Replaces the characters that engines refuse in names. */
export function toEngineName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
}
