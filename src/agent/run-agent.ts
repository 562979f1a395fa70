import { dirname, join } from "node:path";
import { runAgent } from "./agent.ts";
import { createViewedBoard } from "./viewed-board.ts";
import { createExecutorCleanUp } from "./executor-clean-up.ts";
import { createDeliverer } from "./job-delivery.ts";
import { listenToOperator, type OperatorSignals } from "./operator-signals.ts";
import type { CoreConfig } from "./options/index.ts";
import { readCore } from "./options/read-core.ts";
import { listRunningLeftJobs } from "./running-left-jobs.ts";
import { type RunningJobs, toReactions } from "./interrupt-reactions.ts";
import type { SlotPlace } from "./slot-jobs.ts";
import { createStatusBoard, type StatusBoard } from "./status-board.ts";
import { serveStatus } from "./status-socket.ts";
import type { Program } from "../core/contracts/command.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobSource } from "../core/contracts/job-source.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { admission, jobBoardViewer } from "../core/contracts/services.ts";
import { AgentError, isAgentError } from "../core/errors.ts";
import { isSecret, redact } from "../core/logger/line.ts";
import { toLine } from "../core/text/printable.ts";
import { prepareLimits } from "../job/choose-executor.ts";
import { withoutSecrets } from "../job/base-environment.ts";
import { createJobLauncher } from "../job/process/launcher.ts";
import type { JobProcessInput } from "../job/process/input.ts";
import { toThisProgram } from "../os/this-process/this-program.ts";
import { loadLibc } from "../os/processes/libc.ts";
import { startReaper } from "../os/processes/reaper.ts";
import { socketDirectories } from "../os/network/socket-path.ts";
import { openStateDirectory, type StateDirectory } from "../os/state/directory.ts";
import { assertClosedHome } from "../os/users/job-home.ts";
import { connectServiceManager, type ServiceManager } from "../os/systemd/notify.ts";
import { type LoopWatch, startLoopWatch } from "../os/this-process/watchdog/loop-watch.ts";
import { toLimits, toSettings } from "./job-settings.ts";
import { findJobUsers } from "./job-user.ts";
import { findServiceFaults, isForJobsOnly, toFaultList } from "./service-faults.ts";

/** Runs an agent until it shuts down, and sets the exit status. `onStatus` receives the reader of its status. */
export async function runAgentCommand(
  program: Program,
  slots: number,
  createSource: (host: Host) => JobSource,
  onStatus?: (read: StatusBoard["read"]) => void,
): Promise<void> {
  const core = readCore(program);
  const { version, logger } = program;
  const users = findJobUsers(core, slots);
  users?.forEach(assertClosedHome);
  const hasHomes = slots > 1 && core["slot-home"] === "own" && users === undefined;

  // 1. This process: protected from its jobs, a reaper of orphans, controlled by the operator's signals.
  protectProcess();
  const jobs: RunningJobs[] = [];
  const reactions = toReactions(jobs, program);
  using signals = listenToOperator(reactions);
  using _reaper = startReaper();

  // 2. The plugins.
  using manager = connectServiceManager({ env: process.env, logger });
  using watch = startWatchdog(core, manager, logger);
  await using host = await program.openHost({
    roles: ["agent"],
    onStop: signals.stop,
    onListener: watch?.enter,
  });
  reactions.askPlugins(host, signals);
  await checkServices(program, host, core);
  const source = createSource(host);
  prepareLimits("shell", { host, executors: core.executors, limits: toLimits(core) }, { dryRun: false });

  // 3. The state directory, and the socket on which `signalman status` asks.
  const agent = source.identity;
  using state = openStateDirectory({
    directory: core["state-dir"],
    env: process.env,
    agent,
    onDamaged: (message) => logger.error(message),
  });
  const hangingHooks = () => [...host.hanging(), ...jobs.flatMap((each) => each.hangingHooks())];
  const secrets = new Set(program.secrets.filter(isSecret));
  const hide = (text: string) => redact(text, secrets);
  const plugins = () => host.statuses().map((each) => ({ ...each, text: toLine(hide(each.text), 200) }));
  const status = createStatusBoard({ version, stateDirectory: state.path, hangingHooks, plugins, hide });
  onStatus?.(status.read);
  using sockets = new DisposableStack();
  const listen = () => sockets.use(serveStatus({ directory: state.path, status, logger }));
  listen();

  // 4. What starts jobs, and what cleans up after them.
  const { launcher, cleanUp } = createLauncher(program, host, state, signals.handOver);
  const board = createViewedBoard(host, status.read);

  // 5. The agent, until its last slot has disconnected.
  const end = await runAgent({
    version,
    host,
    logger,
    source,
    onStarted() {
      manager.ready();
      board?.open(logger);
    },
    follower: board?.follower,
    slots,
    signals,
    state,
    status,
    launcher,
    cleanUp,
    admission: {
      providers: host.all(admission),
      intervalMs: core["admission-interval"] * 1000,
      pauseMs: core["admission-pause"] * 1000,
    },
    deliverer: createDeliverer({
      host,
      logMethods: core["log-methods"],
      flushTimeoutMs: core["log-flush-timeout"] * 1000,
    }),
    keptLogs: { maxBytes: core["kept-logs-size"], maxAgeMs: core["kept-logs-days"] * 24 * 3600 * 1000 },
    holdState: () => holdState(state, { logger, signals, onRecreated: listen }),
    placeOf: (slot) => ({ ...toPlace(slot, state, hasHomes), user: users?.[slot] }),
    jobUsers: users,
    onJobs: (theirs) => void jobs.push(theirs),
  });
  process.exitCode = end?.isFailed ? 1 : 0;
}

/**
 * Throws `CONFIG_INVALID` when no plugin provides what the configuration or a wrapper names. Plugins that run in
 * jobs only are set up for a moment, so that the agent does not start with one by which every job would fail.
 */
async function checkServices(program: Program, host: Host, core: CoreConfig): Promise<void> {
  await using jobHost = await program.openHost({ roles: ["job"], plugins: isForJobsOnly });
  const faults = findServiceFaults({ host, jobHost }, core);
  if (faults.length > 0) throw new AgentError("CONFIG_INVALID", toFaultList(faults));
}

/** Under systemd the watcher acts before systemd does, since it can name the plugin. */
function startWatchdog(
  core: CoreConfig,
  { watchdogSeconds = 0 }: ServiceManager,
  logger: Logger,
): LoopWatch | undefined {
  const seconds = core.watchdog || watchdogSeconds * 0.8;
  if (seconds === 0) return undefined;
  const log = { path: core["log-file-path"], format: core["log-format"] };
  return startLoopWatch({ limitMs: seconds * 1000, mode: "always", log, logger });
}

function protectProcess(): void {
  // Other processes of this user must not be able to read the agent's token from its memory.
  loadLibc()?.setUndumpable();
  // A file size limit (`ulimit -f`) is an error of the write, not the end of the agent.
  process.on("SIGXFSZ", () => {});
}

function createLauncher(program: Program, host: Host, state: StateDirectory, handOver: AbortSignal) {
  const core = readCore(program);
  // The agent's secrets do not reach a job's process, so that it has none to mask.
  const settings = {
    ...toSettings(program, state.agentId),
    secrets: [],
    stateDirectory: state.path,
    isRecorded: host.all(jobBoardViewer).size > 0,
  };
  const jobPlugins = new Set(listJobPlugins(program).map(({ plugin }) => plugin.name));
  const runningLeft = listRunningLeftJobs(state);
  const cleanUp = createExecutorCleanUp({
    host,
    agentId: state.agentId,
    executors: core.executors,
    runningJobs: () => new Set([...runningLeft, ...launcher.running]),
  });
  const launcher = createJobLauncher({
    program: toThisProgram(),
    environment: withoutSecrets(process.env, settings.secretVariables),
    plugins: toJobPlugins(program),
    baseDirectory: program.config.file === undefined ? process.cwd() : dirname(program.config.file),
    log: {
      path: core["log-file-path"],
      rotation: { maxBytes: core["log-file-size"], count: core["log-file-count"] },
      level: core["log-level"],
      format: core["log-format"],
      name: "",
    },
    settings,
    claimTimeoutMs: core["claim-timeout"] * 1000,
    cleanUp: cleanUp.cleanUpJob,
    onMetrics: (metrics) => host.metrics.merge(metrics, jobPlugins),
    handOver,
  });
  return { launcher, cleanUp };
}

function listJobPlugins({ plugins }: Program): Program["plugins"] {
  return plugins.filter(({ plugin }) => plugin.runsIn?.includes("job") ?? true);
}

/** The plugins as a job's process must load them. */
function toJobPlugins(program: Program): JobProcessInput["plugins"] {
  return listJobPlugins(program).map(({ plugin, origin }) => ({
    key: origin.kind === "built-in" ? plugin.name : origin.path,
    origin: origin.kind === "built-in" ? "built-in" : "external",
    config: program.config.of(plugin.name),
  }));
}

/**
 * Sockets are kept in the state directory where possible: a service's runtime directory is removed when the
 * service restarts.
 */
function toPlace(slot: number, state: StateDirectory, hasHome: boolean): SlotPlace {
  return {
    slot,
    socketDirectories: socketDirectories(join(state.slot(slot), "run"), process.env),
    home: hasHome ? join(state.slot(slot), "home") : undefined,
  };
}

interface HoldStateOptions {
  readonly logger: Logger;
  readonly signals: OperatorSignals;
  readonly onRecreated: () => void;
}

/**
 * Recreates a state directory that was removed. Drains this agent when another one uses the directory, whose
 * jobs it would overwrite.
 */
function holdState(state: StateDirectory, { logger, signals, onRecreated }: HoldStateOptions): void {
  try {
    const done = state.hold();
    if (done === undefined) return;
    logger.error(
      done === "recreated"
        ? `state directory "${state.path}" was removed and has been recreated; its contents are lost`
        : `the lock of the state directory "${state.path}" was removed or replaced; it has been locked again`,
    );
    onRecreated();
  } catch (error) {
    if (isAgentError(error, "STATE_LOCKED")) signals.stop("requested");
    throw error;
  }
}
