import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "../errors.ts";
import { createHost } from "../host/host.ts";
import { type BuiltInPlugins, loadPlugins } from "../host/loader.ts";
import { openLogFile } from "../logger/file.ts";
import { createLogger } from "../logger/logger.ts";
import { logStrayErrors } from "../logger/stray-errors.ts";
import { loadLibc } from "../processes/libc.ts";
import { readBootId } from "../state/boot-id.ts";
import { writeDocument } from "../state/document.ts";
import { takeLock } from "../state/lock.ts";
import { listenForAgents } from "./control-socket.ts";
import { openJob } from "./open.ts";
import { jobFiles, type JobProcessInput, type JobProcessRecord, wireVersion } from "./wire.ts";

/** The process of one job, from its input to its result on disk. It outlives the agent that started it. */
export async function runJobProcess(builtIns: BuiltInPlugins): Promise<void> {
  // Nothing that our user's other processes do may look into this one.
  loadLibc()?.setUndumpable();
  const input = await readInput();
  const { directory, socket, secret, log } = input;
  const logger = createLogger({ ...log, sinks: [openLogFile(log.path)] });

  logStrayErrors(logger);

  // 1. Whoever holds this lock is the one writer of the job's log, and is alive.
  using lock = takeLock(join(directory, jobFiles.lock));
  if (!lock) throw new AgentError("STATE_LOCKED", `the job in "${directory}" has a process already`);

  // 2. The plugins that live here, with the options that the agent decided.
  const loaded = await loadPlugins(input.plugins, { builtIns, directory });
  const plugins = loaded.map((plugin, index) => ({ ...plugin, config: input.plugins[index]?.config }));
  await using host = await createHost({ plugins, roles: ["job"], logger });
  await using open = await openJob(input.request, {
    host,
    settings: input.settings,
    logger,
    env: process.env,
    onSecrets: (values) => logger.addSecrets(values),
    spoolPath: join(directory, jobFiles.spool),
  });
  const { job, spool, cookie } = open;

  // 3. From here on an agent can take the job over.
  const unclaimed = createUnclaimedTimer(input.claimTimeoutMs, () => {
    logger.warn("no agent has claimed the job in time; it is stopped", { job: input.request.id });
    job.stop();
  });
  const acknowledged = Promise.withResolvers<void>();
  using control = listenForAgents({
    path: socket,
    secret,
    onCommand: (command) => (command === "leave" ? acknowledged.resolve() : job[command]()),
    onClaimed: unclaimed.set,
  });
  const record: JobProcessRecord = { pid: process.pid, bootId: readBootId(), socket, secret, cookie };
  writeDocument(join(directory, jobFiles.process), record);
  spool.watch(() => control.tell({ is: "more" }));
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => job.stop());
  // The terminal of whoever started the agent is nothing to us; a limit of file size is an error of the write.
  for (const name of ["SIGHUP", "SIGXFSZ"] as const) process.on(name, () => {});

  // 4. The job, then its log and its result for good.
  const summary = await job.run();
  unclaimed.set(true);
  spool.close();
  writeDocument(join(directory, jobFiles.result), summary);
  control.tell({ is: "finished" });
  await Promise.race([
    acknowledged.promise,
    sleep(acknowledgeMs, undefined, { ref: false }),
    control.flush(),
  ]);
}

/** How long an agent has to say that it knows. Nothing depends on it: the result stands on disk. */
const acknowledgeMs = 1000;

async function readInput(): Promise<JobProcessInput> {
  const input = (await Bun.stdin.json()) as JobProcessInput;
  if (input.version === wireVersion) return input;
  throw new AgentError(
    "STATE_INVALID",
    `the agent speaks version ${String(input.version)} with its jobs, and this program ${wireVersion}`,
  );
}

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
