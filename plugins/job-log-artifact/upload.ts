import { rm } from "node:fs/promises";
import { type JobRequest, type Logger, readVariable, runProgram, toMessage } from "signalman";
import { createDeadline, type Deadline } from "./deadline.ts";
import { compress, writePlainText } from "./plain-text.ts";

export interface UploadLogOptions {
  readonly job: JobRequest;
  readonly spool: string;
  /** Bytes of text from which on it is compressed. */
  readonly compressFrom: number;
  /** For all of it. */
  readonly timeoutMs: number;
  /** The agent's. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
  /** Aborts when the agent leaves. */
  readonly signal: AbortSignal;
}

/** Never rejects: what goes wrong is said in the agent's log, and the job's result does not wait longer than `timeoutMs`. */
export async function uploadLog(options: UploadLogOptions): Promise<void> {
  const { job, spool, env, logger, timeoutMs } = options;
  const program = findArtifact(env);
  const token = readVariable(job.env, "SEMAPHORE_ARTIFACT_TOKEN");
  const url = readVariable(job.env, "SEMAPHORE_ORGANIZATION_URL");
  const missing = [
    ...(token ? [] : ["the job has no SEMAPHORE_ARTIFACT_TOKEN"]),
    ...(url ? [] : ["the job has no SEMAPHORE_ORGANIZATION_URL"]),
    ...(program ? [] : ["there is no program `artifact` in the agent's PATH"]),
  ];
  if (!token || !url || !program) {
    logger.error(`the job's log cannot be uploaded as an artifact: ${missing.join(", ")}`);
    return;
  }

  // Beside the spool, under a name that is always the same: what a crash leaves is found again with the job.
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
      throw new Error(`\`artifact\` ended with exit code ${exitCode}`);
    logger.info("uploaded the job's log as an artifact", { target });
  } catch (error) {
    logger.error(`the job's log was not uploaded as an artifact: ${deadline.fault ?? toMessage(error)}`);
  } finally {
    await remove(path).catch((error: unknown) =>
      logger.error(`cannot remove "${path}": ${toMessage(error)}`),
    );
  }
}

/** The program that uploads, where `env` has it in its PATH. */
export function findArtifact(env: Readonly<Record<string, string | undefined>>): string | null {
  return Bun.which("artifact", { PATH: env["PATH"] ?? "" });
}

/** The log as text, compressed where it is long. When only the latter fails, the text goes. */
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
    logger.warn(`the log is uploaded as it is, for it cannot be compressed: ${toMessage(error)}`);
    return { file: path, target };
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.gz`, { force: true });
}
