/** How the containers and the network of one job are named and labelled. */
export interface JobPlace {
  /** Labels of everything that the job gets. */
  readonly labels: Readonly<Record<string, string>>;
  readonly networkName: string;
  /** Of the cgroup around its containers. */
  readonly cgroupName: string;
  containerName(name: string): string;
}

export const labels = {
  /** A random id of the agent: everything that it has made carries it. */
  agent: "signalman/agent-id",
  job: "signalman/job-id",
  /** One executor. A job that is run again, or a hook after a stop, has another. */
  instance: "signalman/instance",
  /** `session`, `service` or `network`. */
  purpose: "signalman/purpose",
  /** The container's name in the job. */
  container: "signalman/container",
} as const;

/** Names that no other agent, slot or run of the same job has. */
export function createPlace({ agentId, jobId }: { agentId: string; jobId: string }): JobPlace {
  const instance = crypto.getRandomValues(new Uint8Array(4)).toHex();
  const prefix = `signalman-${toName(jobId)}-${instance}`;
  return {
    labels: { [labels.agent]: agentId, [labels.job]: jobId, [labels.instance]: instance },
    networkName: prefix,
    cgroupName: `${toName(agentId)}.${toName(jobId)}.${instance}`,
    containerName: (name) => `${prefix}-${toName(name)}`,
  };
}

/** The job whose cgroup has this name; `undefined` when an executor of another agent has made it. */
export function readCgroupName(name: string, agentId: string): string | undefined {
  const prefix = `${toName(agentId)}.`;
  return name.startsWith(prefix) ? /^(.*)\.[0-9a-f]{8}$/.exec(name.slice(prefix.length))?.[1] : undefined;
}

/** Engines accept `[a-zA-Z0-9_.-]`. */
export function toName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
}
