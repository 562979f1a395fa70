import { join } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import { createHost } from "../../core/host/host.ts";
import { loadPlugins, type LoadPluginsOptions } from "../../core/host/loader.ts";
import { openLogFileIfPossible } from "../../os/log-file/log-file.ts";
import { createLogger } from "../../core/logger/logger.ts";
import { logUncaughtErrors } from "../../core/logger/uncaught-errors.ts";
import { loadLibc } from "../../os/processes/libc.ts";
import { takeLock } from "../../os/state/lock.ts";
import { closeJob } from "./close-job.ts";
import { listenForAgents } from "./control-socket.ts";
import { keepResult } from "./keep-result.ts";
import { openJob } from "../open.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import { jobFiles, type JobProcessInput, wireVersion } from "./messages.ts";

/** The process of one job, from its input to its result on disk. It outlives the agent that started it. */
export async function runJobProcess(
  program: Pick<LoadPluginsOptions, "builtIns" | "lendSdk">,
): Promise<void> {
  // Nothing that our user's other processes do may look into this one.
  loadLibc()?.setUndumpable();
  const lines = readLines(Bun.stdin.stream());
  const input = await readInput(lines);
  if (input === undefined) return;
  const { directory, socket, secret, cookie, log } = input;
  const file = openLogFileIfPossible(log.path, log.rotation);
  const logger = createLogger({ ...log, sinks: file ? [file] : [] });
  logUncaughtErrors(logger);

  // 1. Whoever holds this lock is the one writer of the job's log, and is alive.
  using lock = takeLock(join(directory, jobFiles.lock));
  if (!lock) throw new AgentError("STATE_LOCKED", `the job in "${directory}" has a process already`);

  // 2. The plugins that live here, with the options that the agent decided; its job may not be there yet.
  const loaded = await loadPlugins(input.plugins, { ...program, directory });
  const plugins = loaded.map((plugin, index) => ({ ...plugin, config: input.plugins[index]?.config }));
  await using host = await createHost({ plugins, roles: ["job"], logger });
  const request = await readRequest(lines);
  if (request === undefined) return;
  await using cleanup = new AsyncDisposableStack();
  const acknowledged = Promise.withResolvers<void>();
  const begin = async () => {
    const { job, spool } = cleanup.use(
      await openJob(request, {
        host,
        cookie,
        settings: input.settings,
        logger,
        env: process.env,
        onSecrets: (values) => logger.addSecrets(values),
        spoolPath: join(directory, jobFiles.spool),
      }),
    );
    // 3. From here on an agent can take the job over.
    const unclaimed = createUnclaimedTimer(input.claimTimeoutMs, () => {
      const why = `no agent has claimed the job for ${input.claimTimeoutMs / 1000} s; it is stopped`;
      logger.warn(why, { job: request.id });
      job.stop(why);
    });
    cleanup.defer(() => unclaimed.set(true));
    const control = cleanup.use(
      listenForAgents({
        path: socket,
        secret,
        onCommand: (command) => (command === "leave" ? acknowledged.resolve() : job[command]()),
        onClaimed: unclaimed.set,
      }),
    );
    return { job, spool, unclaimed, control };
  };
  const begun = await begin().catch(async (error: unknown) => {
    await cleanup.disposeAsync();
    closeJob({ directory, jobId: request.id, reason: `the job cannot begin: ${toMessage(error)}`, logger });
    logger.error(`the job cannot begin: ${toMessage(error)}`, { job: request.id });
  });
  if (!begun) return;
  const { job, spool, unclaimed, control } = begun;
  spool.watch(() => control.tell({ is: "more" }));
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => job.stop());
  // The terminal of whoever started the agent is nothing to us.
  process.on("SIGHUP", () => {});

  // 4. The job, then its log and its result for good.
  const summary = await job.run();
  unclaimed.set(true);
  await keepResult(summary, {
    directory,
    jobId: request.id,
    spool,
    control,
    logger,
    acknowledged: acknowledged.promise,
    patienceMs: input.claimTimeoutMs,
  });
}

/** `undefined`: the agent has gone, or has no job for us. */
async function readInput(lines: AsyncGenerator<string>): Promise<JobProcessInput | undefined> {
  const { value } = await lines.next();
  if (value === undefined) return undefined;
  const input = JSON.parse(value) as JobProcessInput;
  if (input.version === wireVersion) return input;
  throw new AgentError(
    "STATE_NEWER",
    `the agent speaks version ${String(input.version)} with its jobs, and this program ${wireVersion}`,
  );
}

async function readRequest(lines: AsyncGenerator<string>): Promise<JobRequest | undefined> {
  const { value } = await lines.next();
  return value === undefined ? undefined : (JSON.parse(value) as JobRequest);
}

/** Whole lines of any length. */
async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let parts: Uint8Array[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]).toString();
      parts = [];
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
  }
  return undefined;
}

const newline = 0x0a;

/** Calls `onOver` once nobody has claimed us for this long. */
function createUnclaimedTimer(durationMs: number, onOver: () => void): { set(isClaimed: boolean): void } {
  let timer = setTimeout(onOver, durationMs);
  return {
    set(isClaimed) {
      clearTimeout(timer);
      if (!isClaimed) timer = setTimeout(onOver, durationMs);
    },
  };
}
