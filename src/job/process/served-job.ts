import { join } from "node:path";
import type { Host } from "../../core/contracts/host.ts";
import type { RootLogger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import { parseStopCause } from "../../core/stop-cause.ts";
import { openJob, type OpenJob } from "../open.ts";
import { closeJob } from "../end/close-job.ts";
import { createMetricsSender, type MetricsSender } from "../control/metrics-sender.ts";
import { type ControlSocket, listenForAgents } from "../control/control-socket.ts";
import { createGarbageMeter } from "../../os/this-process/garbage-meter.ts";
import type { Lock } from "../../os/state/lock.ts";
import { jobFiles } from "../state/job-files.ts";
import type { JobProcessInput, ReceivedJob } from "./input.ts";
import { findTampering } from "./tampering.ts";

/** A job with its control socket. */
export interface ServedJob extends Pick<OpenJob, "job" | "spool">, AsyncDisposable {
  readonly control: ControlSocket;
  readonly metrics: Pick<MetricsSender, "flush">;
  /** Resolves when an agent has received the result. */
  readonly acknowledged: Promise<void>;
  /**
   * Handles a signal to this process. While an agent is connected, the signal is left to it: a service
   * manager signals the agent and its jobs together, and only the agent knows the grace period and the
   * control plane. Without an agent the job is stopped.
   */
  interrupt(signal: "SIGTERM" | "SIGINT"): void;
  /** The job has ended: it no longer needs an agent. */
  endClaim(): void;
}

export interface ServeJobOptions {
  readonly host: Host;
  readonly input: JobProcessInput;
  readonly logger: RootLogger;
  /** The job's lock, which this process holds. */
  readonly lock: Lock;
}

/**
 * Opens a job and the socket on which agents reach it. A job that cannot be opened is closed as failed, and
 * `undefined` is returned.
 */
export async function serveJob(
  received: ReceivedJob,
  options: ServeJobOptions,
): Promise<ServedJob | undefined> {
  const { input, logger } = options;
  const { request, arrival } = received;
  try {
    return await open(received, options);
  } catch (error) {
    const reason = `the job cannot ${input.isContinued ? "be continued" : "begin"}: ${toMessage(error)}`;
    closeJob({ directory: input.directory, jobId: request.id, kind: "refused", reason, arrival, logger });
    logger.error(reason, { job: request.id });
    return undefined;
  }
}

async function open(
  { request, arrival }: ReceivedJob,
  { host, input, logger, lock }: ServeJobOptions,
): Promise<ServedJob> {
  await using cleanup = new AsyncDisposableStack();
  let inspect: () => string | undefined = () => undefined;
  const opened = cleanup.use(
    await openJob(request, {
      host,
      cookie: input.cookie,
      controlGroup: input.controlGroup,
      settings: input.settings,
      arrival,
      logger,
      env: process.env,
      onSecrets: (values) => logger.addSecrets(values),
      spoolPath: join(input.directory, jobFiles.spool),
      findTampering: () => inspect(),
      isContinued: input.isContinued ?? false,
      unclaimedMs: input.claimTimeoutMs,
    }),
  );
  const { job, spool } = opened;
  if (input.settings.isRecorded === true) cleanup.use(startRecorder(opened, { input, arrival, logger }));
  // From here on another agent process can resume the job.
  const claim = createClaimTimer(input.claimTimeoutMs, () => {
    const why = `no agent has claimed the job for ${input.claimTimeoutMs / 1000} s; it is stopped`;
    logger.warn(why, { job: request.id });
    job.stop({ by: "agent", reason: why, isTimeout: true });
  });
  const endClaim = () => claim(true);
  cleanup.defer(endClaim);
  const parent = process.ppid;
  // The agent that started this process connects as soon as the socket is there.
  let hasAgent = () => process.ppid === parent;
  const metrics: MetricsSender = cleanup.use(
    createMetricsSender({ metrics: host.metrics, tell: (message) => control.tell(message) }),
  );
  const acknowledged = Promise.withResolvers<void>();
  const control = cleanup.use(
    listenForAgents({
      path: input.socket,
      secret: input.secret,
      onCommand: (order) =>
        order.do === "leave" ? acknowledged.resolve() : job[order.do](parseStopCause(order.cause)),
      onCounted: metrics.counted,
      onClaimed(isClaimed) {
        metrics.connected(isClaimed);
        hasAgent = () => isClaimed;
        claim(isClaimed);
      },
    }),
  );
  inspect = () => findTampering({ directory: input.directory, spool, lock, control });
  // Output leaves about one byte of garbage per byte, and a collection takes some milliseconds.
  const collectGarbageAt = createGarbageMeter(24 * 2 ** 20);
  spool.watch(() => {
    control.tell({ is: "more" });
    collectGarbageAt(spool.stats.bytes);
  });
  cleanup.defer(reportHangingHooks(host, control));
  const owned = cleanup.move();
  return {
    job,
    spool,
    control,
    metrics,
    acknowledged: acknowledged.promise,
    interrupt(signal) {
      if (!hasAgent()) return job.stop({ by: "operator", reason: `the job's process received ${signal}` });
      logger.info(`${signal} ignored: the job's agent is connected and decides`, { job: request.id });
    },
    endClaim,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Records the job's timeline. Not awaited: the job does not wait for what shows it. */
function startRecorder(
  { log, executor }: OpenJob,
  { input, arrival, logger }: Pick<ServeJobOptions, "input" | "logger"> & Pick<ReceivedJob, "arrival">,
): Disposable {
  const { directory, settings } = input;
  const owned = new DisposableStack();
  const start = async (): Promise<void> => {
    const { recordTimeline } = await import("../timeline/record-timeline.ts");
    if (owned.disposed) return;
    const path = join(directory, jobFiles.timeline);
    const { assignedAt } = arrival;
    owned.use(recordTimeline({ path, limits: settings.limits, assignedAt, executor, log, logger }));
  };
  void start();
  return owned;
}

/** Tells agents of hooks that hang. Returns a function that ends this. */
function reportHangingHooks(host: Host, control: ControlSocket): () => void {
  let isReported = false;
  const report = () => {
    const hooks = host.hanging();
    if (hooks.length > 0 || isReported) control.tell({ is: "hanging", hooks });
    isReported = hooks.length > 0;
  };
  const timer = setInterval(report, hangingReportMs);
  timer.unref();
  return () => clearInterval(timer);
}

const hangingReportMs = 2000;

/**
 * Calls `onExpired` when no agent was connected for `durationMs`. The returned function takes whether one is
 * connected.
 */
function createClaimTimer(durationMs: number, onExpired: () => void): (isClaimed: boolean) => void {
  let timer = setTimeout(onExpired, durationMs);
  return (isClaimed) => {
    clearTimeout(timer);
    if (!isClaimed) timer = setTimeout(onExpired, durationMs);
  };
}
