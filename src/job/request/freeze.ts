import type { JobRequest } from "../../core/contracts/job-request.ts";

/** Freezes a request with all that it contains: no plugin changes what the log masks and the others see. */
export function freezeRequest(request: JobRequest): JobRequest {
  freeze(request);
  return request;
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const each of Object.values(value)) freeze(each);
}
