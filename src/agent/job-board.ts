import { join } from "node:path";
import type { AgentStatus, SlotStatus } from "../core/contracts/agent-status.ts";
import type { BoardAgent, BoardJob, JobBoard } from "../core/contracts/job-board.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { decodeBase64 } from "../core/text/base64.ts";
import { toLine } from "../core/text/printable.ts";
import { openSpool } from "../job/log/spool-reader.ts";
import { createTimelineReader } from "../job/timeline/read-timeline.ts";
import { findJobPlace, listJobs, type StoredJob } from "./kept-logs.ts";

import { jobFiles } from "../job/state/job-files.ts";
import { findEntry } from "../os/state/file.ts";

/** What is kept of a job's request, which has secrets. */
export type JobFacts = Pick<JobRequest, "name" | "executor" | "env">;

export interface JobBoardOptions {
  readonly readStatus: () => AgentStatus;
  /** Id of a job → its request, as far as this process has seen it. */
  readonly requests: ReadonlyMap<string, JobFacts>;
}

/** Creates the board of an agent: its slots, and the jobs whose logs are in its own state directory. */
export function createJobBoard({ readStatus, requests }: JobBoardOptions): JobBoard {
  let listed: { readonly key: string; readonly at: number; readonly jobs: readonly StoredJob[] } | undefined;
  const listStored = (status: AgentStatus): readonly StoredJob[] => {
    const key = status.slots.map(({ job }) => `${job?.id} ${job?.phase}`).join();
    // The files of many jobs are read: again after a change of a slot's job, and else now and then.
    if (listed?.key !== key || Date.now() - listed.at > listMs) {
      const jobs = listJobs({ stateDirectory: status.stateDirectory, most: mostJobs });
      listed = { key, at: Date.now(), jobs };
    }
    return listed.jobs;
  };
  return {
    kind: "agent",
    read() {
      const status = readStatus();
      const stored = listStored(status);
      const agents = status.slots.map((slot) => toAgent(slot, status));
      const running = status.slots.flatMap((slot) => toRunning(slot, stored, agents));
      const isRunning = new Set(running.map(({ id }) => id));
      const jobs = [
        ...running,
        ...stored.filter(({ id }) => !isRunning.has(id)).map((job) => toStored(job, agents)),
      ].map((job) => ({ ...job, ...toFacts(requests.get(job.id)) }));
      return { agents, jobs };
    },
    openLog(jobId) {
      const place = findJobPlace(jobId, readStatus());
      const path = place && join(place.directory, jobFiles.spool);
      return path !== undefined && findEntry(path) ? openSpool(path) : undefined;
    },
    openTimeline(jobId) {
      const place = findJobPlace(jobId, readStatus());
      return place && createTimelineReader(join(place.directory, jobFiles.timeline));
    },
  };
}

const mostJobs = 500;
const listMs = 10_000;
const mostVariables = 200;

function toAgent(slot: SlotStatus, { version }: AgentStatus): BoardAgent {
  const { paused, draining, error } = slot;
  const reason = error ?? (draining && `draining: ${draining}`) ?? paused?.reason ?? slot.sync?.error;
  return {
    name: slot.name ?? `slot ${slot.slot + 1}`,
    state: slot.state,
    ...(reason !== undefined && { reason: toLine(reason, 300) }),
    isDraining: draining !== undefined,
    version,
    ...(slot.job && { jobId: slot.job.id }),
    ...(slot.sync?.succeededAt !== undefined && { syncedAt: slot.sync.succeededAt }),
  };
}

/** The job of a slot, whose result may be known while its log is still delivered. */
function toRunning(
  { slot, job }: SlotStatus,
  stored: readonly StoredJob[],
  agents: readonly BoardAgent[],
): BoardJob[] {
  if (!job) return [];
  const kept = stored.find(({ id }) => id === job.id);
  const { producedBytes: bytes, deliveredBytes } = job.log;
  const known = kept && toStored(kept, agents);
  return [
    {
      startedAt: job.startedAt,
      ...known,
      id: job.id,
      state: job.phase === "running" ? "running" : (known?.state ?? "running"),
      ...(agents[slot] && { agent: agents[slot].name }),
      executor: job.executor,
      log: { bytes, deliveredBytes },
    },
  ];
}

function toStored(job: StoredJob, agents: readonly BoardAgent[]): BoardJob {
  const { id, slot, state, summary, startedAt, bytes, changedAt } = job;
  const { cause, times, usage, result } = summary ?? {};
  const begun = times?.startedAt ?? startedAt;
  return {
    id,
    state,
    agent: agents[slot]?.name ?? `slot ${slot + 1}`,
    ...(result && { result }),
    ...(cause && { reason: cause.message }),
    ...(begun !== undefined && { startedAt: begun }),
    ...(state !== "running" && { finishedAt: times?.finishedAt ?? changedAt }),
    ...(usage && { usage }),
    log: { bytes },
  };
}

function toFacts(request: JobFacts | undefined): Partial<BoardJob> {
  if (!request) return {};
  const valueOf = (name: string): string | undefined => {
    const value = request.env.findLast((each) => each.name === name)?.value;
    const text = new TextDecoder().decode(decodeBase64(value ?? ""));
    return text === "" ? undefined : toLine(text, 200);
  };
  const [project, branch] = [valueOf("SEMAPHORE_PROJECT_NAME"), valueOf("SEMAPHORE_GIT_BRANCH")];
  return {
    name: toLine(request.name, 200),
    executor: request.executor,
    ...(project !== undefined && { project }),
    ...(branch !== undefined && { branch }),
    variables: [...new Set(request.env.map(({ name }) => toLine(name, 200)))].slice(0, mostVariables),
  };
}
