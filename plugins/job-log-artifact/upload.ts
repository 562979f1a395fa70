import { rm } from "node:fs/promises";
import { type JobRequest, type Logger, readVariable, runProgram, toMessage } from "signalman";
import { createDeadline, type Deadline } from "./deadline.ts";
import { compress, writePlainText } from "./plain-text.ts";

export interface UploadLogOptions {
  readonly job: JobRequest;
  readonly spool: string;
  /** Size in bytes from which the text is compressed. */
  readonly compressFrom: number;
  /** Time limit of the whole upload. */
  readonly timeoutMs: number;
  /** The agent's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
  /** Aborts when the agent shuts down. */
  readonly signal: AbortSignal;
}

/** Uploads a job's log within `timeoutMs`. Never rejects: a failure is logged in the agent's log. */
export async function uploadLog(options: UploadLogOptions): Promise<void> {
  const { job, spool, env, logger, timeoutMs } = options;
  const program = findArtifact(env);
  const token = readVariable(job.env, "SEMAPHORE_ARTIFACT_TOKEN");
  const url = readVariable(job.env, "SEMAPHORE_ORGANIZATION_URL");
  const missing = [
    ...(token ? [] : ["the job has no SEMAPHORE_ARTIFACT_TOKEN"]),
    ...(url ? [] : ["the job has no SEMAPHORE_ORGANIZATION_URL"]),
    ...(program ? [] : ["the program `artifact` is not in the agent's PATH"]),
  ];
  if (!token || !url || !program) {
    logger.error(`upload of the job's log as an artifact is not possible: ${missing.join(", ")}`);
    return;
  }

  // A fixed name beside the spool: after a crash the file is found again with the job.
  const path = `${spool}.upload.txt`;
  using deadline = createDeadline(timeoutMs, options.signal);
  try {
    await remove(path);
    const { file, target } = await prepare(options, path, deadline);
    const exitCode = await runProgram({
      command: [program, "push", "job", file, "-d", target],
      env: {
        ...env,
        SEMAPHORE_ARTIFACT_TOKEN: token,
        SEMAPHORE_JOB_ID: job.id,
        SEMAPHORE_ORGANIZATION_URL: url,
      },
      logger,
      secrets: [token],
      stop: deadline.soft,
      kill: deadline.hard,
    });
    if (deadline.soft.aborted || exitCode !== 0)
      throw new Error(`\`artifact\` failed with exit code ${exitCode}`);
    logger.info("uploaded the job's log as an artifact", { target });
  } catch (error) {
    logger.error(`upload of the job's log as an artifact failed: ${deadline.fault ?? toMessage(error)}`);
  } finally {
    await remove(path).catch((error: unknown) =>
      logger.error(`file "${path}" could not be removed: ${toMessage(error)}`),
    );
  }
}

/** Finds the program `artifact` in the PATH of `env`. */
export function findArtifact(env: Readonly<Record<string, string | undefined>>): string | null {
  return Bun.which("artifact", { PATH: env["PATH"] ?? "" });
}

/** Writes the log as text and compresses a long one. When the compression fails, the text is uploaded uncompressed. */
async function prepare(
  { spool, compressFrom, logger }: UploadLogOptions,
  path: string,
  { soft }: Deadline,
): Promise<{ file: string; target: string }> {
  const target = "agent/job_logs.txt";
  const bytes = await writePlainText(spool, path, soft);
  if (bytes < compressFrom) return { file: path, target };
  try {
    await compress(path, `${path}.gz`, soft);
    await rm(path);
    return { file: `${path}.gz`, target: `${target}.gz` };
  } catch (error) {
    soft.throwIfAborted();
    await rm(`${path}.gz`, { force: true });
    logger.warn(`compression of the job's log failed, uploading it uncompressed: ${toMessage(error)}`);
    return { file: path, target };
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.gz`, { force: true });
}
