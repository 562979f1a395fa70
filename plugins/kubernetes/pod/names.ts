import { createHash } from "node:crypto";

/** Names of a job's objects (protocol section 6.4). */
export interface JobNames {
  readonly pod: string;
  readonly secret: string;
  readonly pullSecret: string;
}

const prefix = "semaphore-job-";

/** Longest name of a pod whose host name is the whole of it. */
const longest = 63;

export function toNames(jobId: string): JobNames {
  return toNamesOfPod(`${prefix}${toNamePart(jobId)}`);
}

export function toNamesOfPod(pod: string): JobNames {
  return { pod, secret: `${pod}-secret`, pullSecret: `${pod}-image-pull-secret` };
}

/** Whether a pod may be that of a job. A pod of another name is not the agent's, whatever its labels are. */
export function isPodName(name: string): boolean {
  return name.startsWith(prefix);
}

/** A UUID is taken as it is. Any other id, which a job file may have, becomes a part of a name that no other id gives. */
function toNamePart(jobId: string): string {
  const fits = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(jobId) && jobId.length <= longest - prefix.length;
  if (fits) return jobId;
  const hash = createHash("sha256").update(jobId).digest("hex").slice(0, 12);
  const readable = jobId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 30);
  return `${readable}${readable === "" || readable.endsWith("-") ? "" : "-"}${hash}`;
}
