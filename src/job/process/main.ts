import { basename, join } from "node:path";
import type { Host } from "../../core/contracts/host.ts";
import type { RootLogger } from "../../core/contracts/logger.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { describeCaller } from "../../core/host/attribution.ts";
import { createHost } from "../../core/host/host.ts";
import { loadPlugins, type LoadPluginsOptions } from "../../core/host/loader.ts";
import { createLogger } from "../../core/logger/logger.ts";
import { logUncaughtErrors } from "../../os/this-process/uncaught-errors.ts";
import { guardExit } from "../../os/this-process/exit-guard.ts";
import { openLogFileIfPossible } from "../../os/log-file/log-file.ts";
import { loadLibc } from "../../os/processes/libc.ts";
import { writeDocument } from "../../os/state/document.ts";
import { takeLock } from "../../os/state/lock.ts";
import { type JobProcessStdin, readJobProcessStdin, type JobProcessInput } from "./input.ts";
import { jobFiles, type JobProcessFailure } from "../state/job-files.ts";
import { recordListeners } from "./open-listener.ts";
import { logPluginOutput } from "./plugin-output.ts";
import { serveJob } from "./served-job.ts";
import { storeResult } from "../end/store-result.ts";

type JobProgram = Pick<LoadPluginsOptions, "builtIns" | "lendSdk">;

/**
 * The program of a job's process, from its input to the job's result on disk. It outlives the agent that
 * started it.
 */
export async function runJobProcess(program: JobProgram): Promise<void> {
  // Other processes of this user must not be able to inspect this one.
  loadLibc()?.setUndumpable();
  // While the process waits for its job, it exits with its agent, not by a signal to the agent's group.
  const reaction: SignalReaction = { interrupt: () => {} };
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => reaction.interrupt(name));
  process.on("SIGHUP", () => {});
  const stdin = readJobProcessStdin(Bun.stdin.stream());
  const input = await stdin.input();
  if (input === undefined) return;
  const { directory, plugins } = input;
  const logger = openLogger(input);
  logPluginOutput(logger, { isStdoutUsed: plugins.some(({ origin }) => origin === "external") });
  const fail = (reason: string) => writeFailure(directory, reason, logger);
  guardExit(({ cause, call }) => {
    fail(`${describeCaller(call)} ended it: ${cause}`);
    return 1;
  });
  try {
    await runJob(input, { stdin, program, logger, reaction });
  } catch (error) {
    fail(toMessage(error));
    throw error;
  }
}

/** How the process reacts to a signal; the job replaces it. */
interface SignalReaction {
  interrupt: (signal: "SIGTERM" | "SIGINT") => void;
}

interface JobProcessContext {
  readonly reaction: SignalReaction;
  readonly stdin: JobProcessStdin;
  readonly program: JobProgram;
  readonly logger: RootLogger;
}

async function runJob(
  input: JobProcessInput,
  { stdin, program, logger, reaction }: JobProcessContext,
): Promise<void> {
  const { directory } = input;

  // 1. The holder of this lock is alive, and the only writer of the job's log.
  using lock = takeLock(join(directory, jobFiles.lock));
  if (!lock) throw new AgentError("STATE_LOCKED", `the job in "${directory}" already has a process`);

  // 2. The plugins, with the options that the agent resolved. The request may arrive later.
  await using host = await openHost(input, program, logger);
  const received = await stdin.job();
  if (received === undefined) return;

  // 3. The job and its control socket.
  await using served = await serveJob(received, { host, input, logger, lock });
  if (!served) return;
  const { job, spool, control, acknowledged, metrics } = served;
  reaction.interrupt = served.interrupt;

  // 4. The job runs; then its log and its result are stored.
  const summary = await job.run();
  served.endClaim();
  await metrics.flush();
  const retryMs = input.claimTimeoutMs;
  const jobId = received.request.id;
  await storeResult(summary, { directory, jobId, spool, control, logger, acknowledged, retryMs });
}

/** Tells the agent why this process ends without a result; the job's log and the agent's log quote it. */
function writeFailure(directory: string, reason: string, logger: RootLogger): void {
  try {
    writeDocument(join(directory, jobFiles.failure), { reason } satisfies JobProcessFailure);
  } catch {
    // The disk is full, or the directory was removed: then at least the agent's log has the reason.
    logger.error(`the job's process ends: ${reason}`);
  }
}

function openLogger({ log, directory }: JobProcessInput): RootLogger {
  const file = openLogFileIfPossible(log.path, log.rotation);
  const logger = createLogger({ ...log, fields: { job: basename(directory) }, sinks: file ? [file] : [] });
  logUncaughtErrors(logger);
  return logger;
}

async function openHost(
  { plugins, directory, baseDirectory = directory }: JobProcessInput,
  program: JobProgram,
  logger: RootLogger,
): Promise<Host> {
  const loaded = await loadPlugins(plugins, { ...program, directory: baseDirectory });
  const configured = loaded.map((plugin, index) => ({ ...plugin, config: plugins[index]?.config }));
  const external = loaded.filter(({ origin }) => origin.kind !== "built-in").map(({ plugin }) => plugin.name);
  const onListener = recordListeners(directory, (plugin) => external.includes(plugin));
  return createHost({ plugins: configured, roles: ["job"], logger, onListener });
}
