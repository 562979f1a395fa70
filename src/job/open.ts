import { join } from "node:path";
import type { Cookie, Executor, ExecutorContext } from "../core/contracts/executor.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobArrival } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { jobCommand, logFilter } from "../core/contracts/services.ts";
import { toMessage } from "../core/errors.ts";
import { closeHome } from "../os/users/job-home.ts";
import { createCookie } from "../os/processes/cookie.ts";
import { socketDirectories, toSocketPath } from "../os/network/socket-path.ts";
import { resolveLinks } from "../os/state/file.ts";
import { assertCreated } from "./assert-created.ts";
import { chooseExecutor, findExecutorName } from "./choose-executor.ts";
import { createJobAnswers } from "./commands/job-answers.ts";
import type { JobCallFacts } from "./commands/call-context.ts";
import { createJobCalls, type JobCalls } from "./commands/job-calls.ts";
import { createJobSequences } from "./commands/job-sequences.ts";
import { listenToJob } from "./commands/job-socket.ts";
import { toExecutorContext } from "./executor-context.ts";
import {
  admitUser,
  makeExecutorDirectory,
  makeJobDirectory,
  removeJobDirectory,
} from "./state/job-directory.ts";
import { createJob, type Job, type JobOptions } from "./job.ts";
import type { ExecutorLimits } from "./limited-executor.ts";
import { createMask, createSecretsRelay } from "./job-secrets.ts";
import { createJobVariables } from "./job-variables.ts";
import { keepJob, keepStream } from "./journal/keep-job.ts";
import { createFilterChain } from "./log/filter-chain.ts";
import { createJobLog, type WritableJobLog } from "./log/job-log.ts";
import { createSpool, type Spool } from "./log/spool.ts";
import type { JobSettings } from "./settings.ts";
import { freezeRequest } from "./request/freeze.ts";
import { createWrappedExecutor } from "./wrapped-executor.ts";

export interface OpenJobOptions {
  readonly host: Host;
  readonly settings: JobSettings;
  readonly arrival: JobArrival;
  readonly logger: Logger;
  /** The agent's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receives values of the job that the agent's log must mask. */
  readonly onSecrets?: (values: readonly string[]) => void;
  /** Marks the job's processes. Left out: a new cookie. */
  readonly cookie?: Cookie;
  /** Directory of the job's control group. Left out: one for this process, where it may create it. */
  readonly controlGroup?: string | undefined;
  /** Path of the spool. Left out: the spool is removed when the job is disposed. */
  readonly spoolPath?: string;
  /** Describes what another process did to the job's files. A job with such files fails. */
  readonly findTampering?: () => string | undefined;
  /** Shows the progress of the executor to a person. Left out: it is not shown. */
  readonly showProgress?: ExecutorContext["showProgress"];
  /** Left out: the usual limits. */
  readonly executorLimits?: Omit<ExecutorLimits, "stopGraceMs">;
  /** Milliseconds for which the answer of a policy is awaited. Left out: 30 s. */
  readonly policyMs?: number;
  /** See `SessionJournal.unclaimedMs`. Left out: 15 minutes. */
  readonly unclaimedMs?: number;
  /** An earlier process of the job has died: its journal is beside the spool, and this one continues. */
  readonly isContinued?: boolean;
}

/** An open job. Disposal closes the spool and removes the job's private directory. */
export interface OpenJob extends AsyncDisposable {
  readonly job: Job;
  readonly log: WritableJobLog;
  readonly spool: Spool;
  /** Returns the job's executor, once there is one. */
  readonly executor: () => Executor | undefined;
}

/** Creates a job's private directory, its log and its executor's context. Nothing of the job has run. */
export async function openJob(original: JobRequest, options: OpenJobOptions): Promise<OpenJob> {
  const { host, settings, logger, cookie = createCookie(original.id) } = options;
  const request = freezeRequest({ ...original, env: [...original.env, ...settings.env] });
  await using cleanup = new AsyncDisposableStack();

  // 1. The spool comes first, so that the log shows what fails from here on.
  const keeping = await keepJob(request, options);
  const openSpool = (path: string, fsyncIntervalMs?: number): Spool =>
    createSpool(path, {
      diskLimitBytes: settings.logDiskLimitBytes,
      onWarning: (message) => logger.warn(message, { job: request.id }),
      left: keeping?.left?.spool,
      ...(fsyncIntervalMs !== undefined && { fsyncIntervalMs }),
    });
  const kept = options.spoolPath === undefined ? undefined : cleanup.use(openSpool(options.spoolPath));

  // 2. A directory that is closed to other users. A spool in it need not survive a crash of the machine.
  const directory = makeJobDirectory(cookie, settings.user);
  cleanup.defer(() => removeJobDirectory(directory, logger));
  const { user } = settings;
  if (user) cleanup.defer(() => closeHome(user, logger));
  const spool = kept ?? cleanup.use(openSpool(resolveLinks(join(directory, "events.ndjson")), 0));

  // 3. The log, with the commands that the job's own processes can call.
  const secrets = createSecretsRelay(options);
  const filters = createFilterChain(openFilters(request, { ...options, onSecrets: secrets.add }), logger);
  let executor: Executor | undefined;
  const write = (text: string) => log.note(text, "Commands called by the job");
  const journal = keeping && cleanup.use(keeping.open(() => log));
  const variables = createJobVariables(createMask(filters, options), journal);
  const calls = openCalls(request, options, { jobDirectory: directory, variables, write });
  const answers = createJobAnswers({ executor: () => executor, logger });
  const createSequences = () =>
    createJobSequences({ calls: journal ? journal.toCalls(calls) : calls, write, answer: answers.put });
  const log: WritableJobLog = createJobLog({
    spool,
    filters,
    createSequences,
    ...(journal && { keeping: keepStream(journal, filters), left: keeping.left?.log }),
  });
  if (journal) secrets.onAdded = log.addSecrets;
  const jobSocket = findSocketPath(directory, options);
  if (jobSocket !== undefined) cleanup.use(listenToJob({ path: jobSocket, calls }));
  // Disposed before the socket, so that waiting callers learn that the job has ended.
  cleanup.use(calls);
  if (user) admitUser(user, directory, jobSocket);

  // 4. The job. Its executor gets a directory of its own, and is created when the job starts.
  const context = toExecutorContext(request, { ...options, cookie, jobSocket, log, filters });
  const job = createJob(request, {
    host,
    log,
    logger,
    place: toPlace(request, options),
    arrival: options.arrival,
    variables,
    ...options.executorLimits,
    stopGraceMs: settings.stopGraceMs,
    policyMs: options.policyMs,
    stopHookMs: settings.stopHookMs ?? 30_000,
    isReported: settings.jobReport,
    findTampering: options.findTampering,
    journal,
    createExecutor: (report) => {
      const chosen = chooseExecutor(request.executor, { host, ...settings });
      const own = makeExecutorDirectory(directory);
      const created = {
        ...context,
        ...report,
        logger: logger.child(chosen.name),
        directory: own,
        hostPaths: [{ path: own, isWritten: false }, ...context.hostPaths],
        // A session that a plugin opens after a stop ends with this process.
        ...(journal && !executor && { journal: journal.session }),
      };
      executor = createWrappedExecutor(chosen, created, { host, wrapperMs: toWrapperMs(options) });
      return executor;
    },
  });

  const owned = cleanup.move();
  return { job, log, spool, executor: () => executor, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function toPlace({ executor }: JobRequest, { host, settings }: OpenJobOptions): JobOptions["place"] {
  const { slot, executors, agentId: id, agentName: name, stateDirectory } = settings;
  return {
    slot,
    executor: findExecutorName(executor, { host, executors }),
    agent: {
      id,
      ...(name !== undefined && { name }),
      ...(stateDirectory !== undefined && { stateDirectory }),
    },
  };
}

/** A wrapper has half of the time of its executor, which ends what the wrapper left running. */
function toWrapperMs({ executorLimits }: OpenJobOptions): number | undefined {
  return executorLimits?.callMs === undefined ? undefined : executorLimits.callMs / 2;
}

function openFilters(job: JobRequest, { host, settings, onSecrets }: OpenJobOptions) {
  const context = {
    job,
    secrets: settings.secrets,
    addSecrets: (values: readonly string[]) => onSecrets?.(values),
  };
  return [...host.all(logFilter)].map(([name, factory]) => ({
    name,
    filter: assertCreated(factory.open(context), factory, ["push", "flush", "text", "counts"]),
  }));
}

function openCalls(
  job: JobRequest,
  { host, settings, env, logger }: OpenJobOptions,
  own: Pick<JobCallFacts, "jobDirectory" | "variables" | "write">,
): JobCalls {
  const { slot, user } = settings;
  const home = user?.home ?? settings.home ?? (env["HOME"] || "/");
  return createJobCalls({ commands: host.all(jobCommand), facts: { job, slot, user, home, ...own }, logger });
}

/** Returns `undefined` when there is no usable path: the job runs without a socket. */
function findSocketPath(directory: string, { env, logger }: OpenJobOptions): string | undefined {
  try {
    return toSocketPath(socketDirectories(directory, env));
  } catch (error) {
    logger.warn(`the job has no socket, so that \`signalman redact\` fails in it: ${toMessage(error)}`);
    return undefined;
  }
}
