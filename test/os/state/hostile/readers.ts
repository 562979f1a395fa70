import { join } from "node:path";
import { openJobStore } from "../../../../src/agent/job-store.ts";
import { openJobLog } from "../../../../src/agent/job-log-reader.ts";
import { listJobs } from "../../../../src/agent/kept-logs.ts";
import { listRunningLeftJobs } from "../../../../src/agent/running-left-jobs.ts";
import { askStatus, serveStatus } from "../../../../src/agent/status-socket.ts";
import { AgentError } from "../../../../src/core/errors.ts";
import { countUndelivered } from "../../../../src/job/log/count-undelivered.ts";
import { openSpool } from "../../../../src/job/log/spool-reader.ts";
import { findChange } from "../../../../src/job/log/verify-spool.ts";
import { findJobEnd } from "../../../../src/job/end/find-job-end.ts";
import { readDeliveryCursor } from "../../../../src/job/state/job-documents.ts";
import { isJobLocked } from "../../../../src/job/state/job-lock.ts";
import { recoverLeftLog } from "../../../../src/job/state/left-jobs.ts";
import { toShortReport } from "../../../../src/job/usage/report.ts";
import {
  listAgentDirectories,
  listRunningAgents,
  openStateDirectory,
} from "../../../../src/os/state/directory.ts";
import { readHolder } from "../../../../src/os/state/lock.ts";
import { findOwnershipFault } from "../../../../src/os/file-trust/ownership.ts";
import { createSlotState } from "../../../../src/os/state/document.ts";
import { silentLogger } from "../../../../src/testing/index.ts";
import { agentName } from "./scene.ts";

export interface Finding {
  readonly jobId: string;
  readonly result: string | undefined;
  readonly events: number;
}

/** Calls a reader. It may refuse what it finds, with an error of the program. */
export async function read<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

/** What `logs`, `status` and `doctor` read. Returns the logs that can be shown. */
export async function readAsCommands(directory: string): Promise<Finding[]> {
  const shown: Finding[] = [];
  for (const { id: jobId, spool, summary } of listJobs({ stateDirectory: directory })) {
    if (summary) {
      toShortReport(summary.usage);
      await findChange(spool, summary.log);
    }
    const events = await read(async () => {
      using reader = openSpool(spool);
      return await countUndelivered(reader);
    });
    await read(() => followForMoment(directory, jobId));
    if (events !== undefined) shown.push({ jobId, result: summary?.result, events });
  }
  const agents = (await read(() => listAgentDirectories(directory))) ?? [];
  await Promise.all(agents.map((path) => askStatus(path, 50)));
  for (const path of agents) readHolder(join(path, "lock"));
  listRunningAgents(directory);
  findOwnershipFault(join(directory, "agents"));
  return shown;
}

/** What `logs --follow` and plugins read. */
async function followForMoment(stateDirectory: string, jobId: string): Promise<void> {
  const moment = new AbortController();
  const timer = setTimeout(() => moment.abort(new AgentError("SPOOL_FAILED", "the moment is over")), 1);
  try {
    using log = await openJobLog(jobId, { stateDirectory, claimMs: 0, signal: moment.signal });
    log.countRest();
    await Array.fromAsync(log);
  } finally {
    clearTimeout(timer);
  }
}

/** What an agent does when it starts: it resumes what an earlier process left, and cleans up. */
export async function readAsAgent(directory: string, { isChild }: { isChild: boolean }): Promise<void> {
  await read(async () => {
    using state = openStateDirectory({ directory, env: {}, agent: agentName });
    using _status = serveStatus({
      directory: state.path,
      status: { read: () => ({ version: "1", pid: 1, startedAt: 0, stateDirectory: "", slots: [] }) },
      logger: silentLogger,
    });
    await askStatus(state.path, 5000);
    listRunningLeftJobs(state);
    state.hold();
    for (const slot of new Set([0, 1, ...state.slots()]))
      await read(() => resumeSlot(state.slot(slot), { hold: state.hold, isChild }));
  });
}

/** `isChild`: the jobs' processes were started by this agent process, so that no search for them is needed. */
async function resumeSlot(
  directory: string,
  { hold, isChild }: { hold: () => unknown; isChild: boolean },
): Promise<void> {
  const child = isChild ? { child: { exitCode: 1, signalCode: null } } : {};
  const job = { logger: silentLogger, unstored: undefined, arrival: {}, diedAt: undefined, ...child };
  const holdState = () => void hold();
  const documents = createSlotState(directory, holdState);
  for (const name of ["registration", "assignment"]) await read(() => documents.get(name));
  await read(() => documents.put("assignment", { jobId: "next" }));
  const store = openJobStore({
    directory: join(directory, "jobs"),
    keptLogs: { maxBytes: 0, maxAgeMs: 0 },
    holdState,
    logger: silentLogger,
  });
  for (const jobId of store.list()) {
    const path = store.directoryOf(jobId);
    await read(() => store.readRequest(jobId));
    await read(() => recoverLeftLog(path, silentLogger));
    await read(() => readDeliveryCursor(path));
    // The process of a job that holds its lock is waited for.
    if (await read(() => isJobLocked(path))) continue;
    const end = await read(() => findJobEnd({ directory: path, jobId, ...job }));
    if (end) store.release(jobId);
  }
  await read(() => store.create("next"));
}
