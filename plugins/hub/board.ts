import { type BoardActions, type BoardAgent, type BoardJob, decodeBase64, type JobBoard } from "signalman";
import type { Hub } from "./contract.ts";
import type { LogList } from "./model/log-list.ts";
import type { HubState, Job } from "./model/state.ts";
import type { WireJob } from "./model/wire-job.ts";
import type { AgentView, JobView } from "./view.ts";

/** Creates the board of a hub, for pages. */
export function createBoard(hub: Hub, state: HubState): JobBoard {
  return {
    kind: "hub",
    read() {
      const jobs = hub.jobs;
      const queued = jobs.filter((job) => job.state === "queued").map(({ id }) => id);
      const shown = [...jobs.filter(({ state }) => state !== "finished"), ...jobs.slice(-mostFinished)];
      return {
        agents: hub.agents.map(toAgent),
        jobs: [...new Map(shown.map((job) => [job.id, job])).values()]
          .toReversed()
          .toSorted((a, b) => b.createdAt - a.createdAt)
          .map((job) => toJob(job, state.jobs.get(job.id), queued.indexOf(job.id) + 1)),
      };
    },
    openLog(jobId) {
      if (!state.jobs.has(jobId)) return undefined;
      return {
        peek: ({ event, offset }) => {
          const { lines, count } = (state.logs.get(jobId)?.shown ?? emptyLog).read(event);
          const end = { event: event + count, offset: offset + lines.length };
          return count === 0 ? undefined : { start: { event, offset }, end, lines };
        },
        [Symbol.dispose]() {},
      };
    },
    actions: createActions(hub),
  };
}

const mostFinished = 500;
const mostVariables = 200;

const emptyLog: Pick<LogList, "read"> = { read: () => ({ lines: new Uint8Array(), count: 0 }) };

function createActions(hub: Hub): BoardActions {
  return {
    stop: (jobId) => hub.stopJob(jobId),
    submit: async (text) => (await hub.submit(text)).id,
    retry: async (jobId) => (await hub.retryJob(jobId))?.id,
    shutDown: (agent) => hub.shutdownAgent(agent),
  };
}

function toAgent(agent: AgentView): BoardAgent {
  const { name, version, hostname, jobId, lastSyncAt, isDisabled, isInterrupted } = agent;
  const reason = isDisabled ? "shutdown requested" : isInterrupted ? "interrupted" : undefined;
  const idle = agent.state === "" ? "starting" : "waiting";
  return {
    name,
    state: agent.isDisconnected ? "left" : jobId !== undefined ? "running" : idle,
    ...(reason !== undefined && { reason }),
    isDraining: reason !== undefined,
    version,
    host: hostname,
    ...(jobId !== undefined && { jobId }),
    ...(lastSyncAt !== undefined && { syncedAt: lastSyncAt }),
  };
}

function toJob(job: JobView, stored: Job | undefined, place: number): BoardJob {
  const { id, name, state, result, reason, agent, createdAt, startedAt, finishedAt, log } = job;
  const variables = listVariables(stored);
  const [project, branch] = [variables.get("SEMAPHORE_PROJECT_NAME"), variables.get("SEMAPHORE_GIT_BRANCH")];
  return {
    id,
    name,
    state,
    ...(result !== undefined && { result }),
    ...(reason !== undefined && { reason }),
    ...(agent !== undefined && { agent }),
    ...(typeof stored?.wire === "object" && { executor: toExecutor(stored.wire) }),
    ...(project !== undefined && { project }),
    ...(branch !== undefined && { branch }),
    variables: [...variables.keys()].slice(0, mostVariables),
    ...(place > 0 && { place }),
    createdAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    log: { bytes: log.bytes, ...(log.isTrimmed && { isTrimmed: true }) },
  };
}

/** The wire names an executor only when it is another one than the shell. */
function toExecutor({ executor }: WireJob): string {
  return typeof executor === "string" ? executor.slice(0, 100) : "shell";
}

/** Values are those of public variables; a raw submission may contain anything. */
function listVariables(job: Job | undefined): Map<string, string | undefined> {
  const list = typeof job?.wire === "object" ? job.wire["env_vars"] : undefined;
  if (!Array.isArray(list)) return new Map();
  return new Map(
    list.map((each: unknown) => {
      const { name, value } = Object(each) as { readonly name?: unknown; readonly value?: unknown };
      const isShown = name === "SEMAPHORE_PROJECT_NAME" || name === "SEMAPHORE_GIT_BRANCH";
      const bytes = isShown ? decodeBase64(String(value)) : undefined;
      return [String(name), bytes && new TextDecoder().decode(bytes).slice(0, 200)] as const;
    }),
  );
}
