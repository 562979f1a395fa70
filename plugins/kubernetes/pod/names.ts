import { createHash } from "node:crypto";

/** Names of a job's objects (protocol section 6.4). */
export interface JobNames {
  readonly pod: string;
  readonly secret: string;
  readonly pullSecret: string;
}

const prefix = "semaphore-job-";

/** Maximum length of a pod's name whose host name is not cut. */
const maxLength = 63;

export function toNames(jobId: string): JobNames {
  return toNamesOfPod(`${prefix}${toNamePart(jobId)}`);
}

export function toNamesOfPod(pod: string): JobNames {
  return { pod, secret: `${pod}-secret`, pullSecret: `${pod}-image-pull-secret` };
}

/** Whether a pod has the name of a job's pod. Others are never deleted, whatever their labels. */
export function isPodName(name: string): boolean {
  return name.startsWith(prefix);
}

/** Converts a job's id to a unique part of a name. A UUID is kept; ids of job files get a hash. */
function toNamePart(jobId: string): string {
  const fits = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(jobId) && jobId.length <= maxLength - prefix.length;
  if (fits) return jobId;
  const hash = createHash("sha256").update(jobId).digest("hex").slice(0, 12);
  const readable = jobId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 30);
  return `${readable}${readable === "" || readable.endsWith("-") ? "" : "-"}${hash}`;
}
