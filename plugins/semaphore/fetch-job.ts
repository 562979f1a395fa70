import { type JobRequest, toJobRequest, toMessage } from "signalman";
import type { Failure, HubClient } from "./client.ts";
import { retry } from "./retry.ts";
import type { Attempts } from "./settings.ts";

export interface FetchJobOptions {
  readonly client: Pick<HubClient, "getJob" | "refresh">;
  readonly jobId: string;
  readonly attempts: Attempts;
  /** Origin of the log server for a job whose request could not be fetched (protocol section 3.1). */
  readonly origin: string;
  readonly signal: AbortSignal;
  onRetry(failure: Failure, attempt: number): void;
}

/** `refusal` is the reason why the job cannot run, for its log. The request then contains only what the log needs. */
export interface FetchedJob {
  readonly request: JobRequest;
  readonly refusal: string | undefined;
}

/** Fetches a job's request. A failure becomes a refusal, because every assigned job must be reported. */
export async function fetchJob(options: FetchJobOptions): Promise<FetchedJob> {
  const { client, jobId, attempts, signal } = options;
  const reply = await retry(() => client.getJob(jobId, signal), {
    attempts,
    signal,
    onRetry: options.onRetry,
  });
  if (signal.aborted) return refuse(options, undefined, "The job was stopped before it began.");
  if (!reply.ok) {
    const { message } = reply.failure;
    return refuse(options, undefined, `The agent could not get the job's request: ${message}`);
  }
  try {
    const { request } = toJobRequest(reply.value, { name: `job ${jobId}` });
    if (!isSanitized(request)) return { request: { ...request, id: jobId }, refusal: undefined };
  } catch (error) {
    return refuse(options, reply.value, `The agent cannot run this job: ${toMessage(error)}`);
  }
  return refuse(
    options,
    reply.value,
    "The job's request came without its secrets and files: the control plane hands them out once, and that answer was lost. Run the job again.",
  );
}

/**
 * Whether variables, files or keys were removed (protocol section 3.2). The log token does not count: it can
 * be renewed.
 */
export function isSanitized({
  env,
  files,
  containers,
  imagePullCredentials,
  sshPublicKeys,
}: JobRequest): boolean {
  const places = [{ env, files }, ...containers, ...imagePullCredentials];
  const values = places.flatMap((place) => [
    ...place.env.map(({ value }) => value),
    ...place.files.map(({ content }) => content),
  ]);
  return [...values, ...sshPublicKeys].includes(sanitized);
}

const sanitized = "{SANITIZED}";

async function refuse(
  { client, jobId, origin }: FetchJobOptions,
  raw: unknown,
  refusal: string,
): Promise<FetchedJob> {
  const { logger } = Object(raw) as { logger?: unknown };
  const bare = toJobRequest({ job_id: jobId, commands: [] }).request;
  const request = readLogger(jobId, logger) ?? bare;
  if (request.logger.url !== "" && request.logger.token !== sanitized) return { request, refusal };
  const reply = await client.refresh();
  const { url } = request.logger;
  return {
    request: {
      ...request,
      logger: {
        method: "push",
        url: url === "" ? `${origin}/api/v1/logs/${encodeURIComponent(jobId)}` : url,
        token: reply.ok ? reply.value : "",
        maxSizeInBytes: 0,
      },
    },
    refusal,
  };
}

/** Returns a request with this logger only; `undefined` when the logger is malformed. */
function readLogger(jobId: string, logger: unknown): JobRequest | undefined {
  try {
    return toJobRequest({ job_id: jobId, commands: [], logger }).request;
  } catch {
    return undefined;
  }
}
