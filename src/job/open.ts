import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError, toMessage } from "../core/errors.ts";
import type { Host } from "../core/contracts/host.ts";
import { createJobLog, type WritableJobLog } from "./log/job-log.ts";
import { createRedactor } from "./log/redactor.ts";
import { secretsOf } from "./log/secrets.ts";
import { createSpool, type Spool, type SpoolOptions } from "./log/spool.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { Cookie } from "../core/contracts/executor.ts";
import { createCookie } from "../os/processes/cookie.ts";
import { executor } from "../core/contracts/services.ts";
import { socketDirectories, toSocketPath } from "../os/socket-path.ts";
import { toBaseEnvironment } from "./base-environment.ts";
import { createJob, type Job } from "./job.ts";
import { listenToJob } from "./job-socket.ts";
import { createRedactCommand } from "./redact-command.ts";
import type { EnvironmentVariable, JobRequest } from "../core/contracts/job-request.ts";

/** What a job is run with, whoever asked for it. */
export interface JobSettings {
  /** See `ExecutorContext`. */
  readonly agentId: string;
  readonly stopGraceMs: number;
  readonly terminalSize: { readonly rows: number; readonly columns: number };
  readonly logDiskLimitBytes: number;
  /** Whether a job's log ends with what the job used (`job-report`). */
  readonly jobReport: boolean;
  /** Globs over names of variables whose values the log masks. */
  readonly redactedVars: readonly string[];
  /** Whether it masks what looks like a token as well. */
  readonly redactedShapes: boolean;
  /** The wire's name of an executor → the one that stands in its place. */
  readonly executors: Readonly<Record<string, string>>;
  /** Where jobs are at home once the login profile is through. Left out: where the profile says. */
  readonly home?: string;
  /** Variables that the agent adds to every job's (`env-vars`); they win. */
  readonly env: readonly EnvironmentVariable[];
  /** The agent's own tokens, and the variables of its environment that hold some. */
  readonly secrets: readonly string[];
  readonly secretVariables: readonly string[];
}

export interface OpenJobOptions {
  readonly host: Host;
  readonly settings: JobSettings;
  readonly logger: Logger;
  /** The agent's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gets the values that the job's log masks, so that the agent's log masks them too. */
  readonly onSecrets?: (values: readonly string[]) => void;
  /** Marks the job's processes. Without it, one is made. */
  readonly cookie?: Cookie;
  /** Where the spool is kept. Without it, it goes when the job is disposed. */
  readonly spoolPath?: string;
}

/** A job with all that it needs. Disposal closes the spool and removes the job's private directory. */
export interface OpenJob extends AsyncDisposable {
  readonly job: Job;
  readonly log: WritableJobLog;
  readonly spool: Spool;
}

/** Makes a job's private directory, its log and its executor's context. Nothing of the job has run. */
export async function openJob(asked: JobRequest, options: OpenJobOptions): Promise<OpenJob> {
  const { host, settings, logger } = options;
  const request: JobRequest = { ...asked, env: [...asked.env, ...settings.env] };
  await using cleanup = new AsyncDisposableStack();

  // 1. The way of the log: masked, in events, on disk. It begins first: what fails from here on stands in it.
  const spoolOptions: SpoolOptions = {
    diskLimitBytes: settings.logDiskLimitBytes,
    onWarning: (message) => logger.warn(message, { job: request.id }),
  };
  const kept =
    options.spoolPath === undefined ? undefined : cleanup.use(createSpool(options.spoolPath, spoolOptions));

  // 2. A directory that nobody else can look into.
  const directory = makeDirectory();
  cleanup.defer(() => removeDirectory(directory, logger));
  // What goes with the job need not outlive the machine.
  const spool =
    kept ??
    cleanup.use(createSpool(join(directory, "events.ndjson"), { ...spoolOptions, fsyncIntervalMs: 0 }));
  const secrets = secretsOf(request, { redactedVars: settings.redactedVars, tokens: settings.secrets });
  const tellSecrets = (values: readonly Uint8Array[]) =>
    options.onSecrets?.(values.flatMap((value) => Buffer.from(value).toString().split("\n")));
  tellSecrets(secrets);
  const redactor = createRedactor(secrets, { shapes: settings.redactedShapes });
  const log = createJobLog({ spool, redactor });

  // 3. Where the job's own processes can speak with it.
  const jobSocket = findSocketPath(directory, options);
  if (jobSocket !== undefined) {
    const redact = createRedactCommand({ redactor, onSecrets: tellSecrets });
    cleanup.use(listenToJob({ path: jobSocket, commands: { redact } }));
  }

  // 4. The job. Its executor has a directory of its own, and is made when the job starts.
  const cookie = options.cookie ?? createCookie(request.id);
  const name = settings.executors[request.executor] ?? request.executor;
  const job = createJob(request, {
    host,
    log,
    logger,
    stopGraceMs: settings.stopGraceMs,
    isReported: settings.jobReport,
    createExecutor: (tell) =>
      host.use(executor, name).create({
        job: request,
        agentId: settings.agentId,
        environment: toBaseEnvironment(options.env, {
          secretVariables: settings.secretVariables,
          cookie,
          jobSocket,
        }),
        cookie,
        directory: mkdtempSync(join(directory, "executor-")),
        log,
        ...tell,
        logger: logger.child(name),
        options: {
          stopGraceMs: settings.stopGraceMs,
          terminalSize: settings.terminalSize,
          ...(settings.home !== undefined && { home: settings.home }),
        },
      }),
  });

  const owned = cleanup.move();
  return { job, log, spool, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** `undefined`: the job does without, for nothing of it depends on that. */
function findSocketPath(directory: string, { env, logger }: OpenJobOptions): string | undefined {
  try {
    return toSocketPath(socketDirectories(directory, env));
  } catch (error) {
    logger.warn(`the job's processes cannot speak with it (\`signalman redact\` fails): ${toMessage(error)}`);
    return undefined;
  }
}

function removeDirectory(path: string, logger: Logger): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    logger.warn(`the job's directory "${path}" cannot be removed: ${toMessage(error)}`);
  }
}

function makeDirectory(): string {
  try {
    // Not by another thread: where a job has taken all processes, none starts.
    return mkdtempSync(join(tmpdir(), "signalman-"));
  } catch (error) {
    throw new AgentError(
      "FILE_FAILED",
      `cannot make a directory for the job in "${tmpdir()}": ${toMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}
