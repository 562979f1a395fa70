import { hostname } from "node:os";
import {
  AgentError,
  announceDrain,
  type JobRequest,
  type JobSource,
  type JobSourceContext,
  type Pause,
  type PullLogs,
  onAbort,
  type SlotAdmission,
  type StopReason,
  toMessage,
  untilAborted,
} from "signalman";
import type { HttpServer } from "signalman/http";
import type { HostedAgent } from "./http/hosted-agent.ts";
import type { AgentLog } from "./http/agent-log.ts";
import { createHostedApi } from "./http/hosted-api.ts";
import { type ApiServerOptions, openApiServer } from "./http/server.ts";
import { createHostedJob, type HostedJob, type HostedJobOptions } from "./job/hosted-job.ts";
import { createJobRecord, createJobRecords } from "./job/job-record.ts";

export interface HostedSourceOptions extends Omit<ApiServerOptions, "logger"> {
  readonly secret: string;
  readonly callbacks: HostedJobOptions["callbacks"];
  readonly agentLog: AgentLog;
  readonly logs: PullLogs;
  /** Returns why this agent can never run a job. */
  findFault(request: JobRequest): string | undefined;
}

/** Takes one job from clients of an HTTPS API (protocol section 8.3). */
export function createHostedSource(options: HostedSourceOptions): JobSource {
  return {
    identity: `serve ${options.host}:${options.port}`,
    async run(context) {
      const agent = createHostedAgent(context, options);
      await using server = await openServer(agent, context, options);
      // Checks begin now, so that the first job does not wait for them.
      void context.admission.paused;
      await context.registered(hostname(), server.url);
      return await waitForEnd(agent, context);
    },
  };
}

interface RunningAgent extends HostedAgent {
  readonly job: HostedJob | undefined;
}

function createHostedAgent(
  context: JobSourceContext,
  { logs, callbacks, findFault }: HostedSourceOptions,
): RunningAgent {
  const { jobs, logger, signals, admission } = context;
  const records = createJobRecords(context.state, logger);
  const jobOptions: HostedJobOptions = {
    records,
    logs,
    logger,
    callbacks,
    signals: { interrupt: signals.interrupt, leave: toLeaveSignal(context) },
  };
  let current = resume();

  /** Resumes the job of an earlier process. */
  function resume(): HostedJob | undefined {
    const [left] = jobs.left;
    if (left === undefined) return undefined;
    const job = createHostedJob(records.read(left.id), jobOptions, (delivery) => left.claim(delivery));
    job.started.catch((error: unknown) =>
      logger.error(`job ${left.id} of an earlier process could not be resumed: ${toMessage(error)}`),
    );
    return job;
  }

  return {
    get job() {
      return current;
    },
    logs,
    async submit(request: JobRequest) {
      if (current !== undefined) return current.id === request.id ? "same" : "other";
      const fault = findFault(request);
      if (fault !== undefined) throw new AgentError("JOB_INVALID", fault);
      await assertAdmitted(admission);
      const job = createHostedJob(createJobRecord(request.id), jobOptions, (delivery) =>
        jobs.start(request, delivery),
      );
      current = job;
      try {
        await job.started;
        return "started";
      } catch (error) {
        // The job was not stored, so that a client may try again.
        current = undefined;
        throw error;
      }
    },
  };
}

/** Throws `SERVE_PAUSED` while a plugin refuses jobs. The first answer of plugins is awaited. */
async function assertAdmitted({ paused, admitted }: SlotAdmission): Promise<void> {
  const over = new AbortController();
  await Promise.race([admitted(over.signal), untilAborted(AbortSignal.any([paused, over.signal]))]);
  over.abort();
  if (!paused.aborted) return;
  const { reason } = paused.reason as Pause;
  throw new AgentError("SERVE_PAUSED", `this agent takes no job at present: ${reason}`);
}

/** Callbacks that cannot be delivered do not hold up the exit for long: the next process continues. */
function toLeaveSignal({ signals }: JobSourceContext): AbortSignal {
  const late = new AbortController();
  // As long as the process: the signal is its own.
  onAbort(signals.interrupt, () => setTimeout(() => late.abort(), leaveMs).unref());
  return AbortSignal.any([late.signal, signals.handOver]);
}

const leaveMs = 10_000;

async function openServer(
  agent: RunningAgent,
  { version, logger }: JobSourceContext,
  options: HostedSourceOptions,
): Promise<HttpServer> {
  const server = await openApiServer(
    { ...options, logger },
    createHostedApi({ ...options, agent, version, logger }),
  );
  logger.info(`Agent ${version} listening on ${server.url}`);
  return server;
}

/** Resolves when the agent must exit: at once without a job, otherwise when its job is finished. */
async function waitForEnd(agent: RunningAgent, context: JobSourceContext): Promise<StopReason> {
  using drain = announceDrain(context);
  await untilAborted(drain.signal);
  const reason = await drain.end();
  await untilAborted(context.signals.handOver, Promise.resolve(agent.job?.finished));
  return reason;
}
