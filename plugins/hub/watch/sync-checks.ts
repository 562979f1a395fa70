import { isResult } from "../model/jobs.ts";
import type { SyncBody } from "../model/registration-body.ts";
import { type AgentRow, assignedJob, type HubState, type Job } from "../model/state.ts";
import type { Recorder } from "./violations.ts";

/** Checks the job that a sync reports, before the sync is processed. */
export function checkSyncedJob(state: HubState, recorder: Recorder, row: AgentRow, sent: SyncBody): void {
  const job = assignedJob(state, row);
  const about = { agent: row.name, jobId: job?.id };
  if (sent.state === "waiting-for-jobs") {
    if (job !== undefined && isAbandoned(row, job)) {
      recorder.record("job-abandoned", { ...about, detail: `${sent.state} with an unreported job` });
    }
    return;
  }
  if (sent.job_id === "") recorder.record("job-id-missing", { ...about, detail: sent.state });
  else if (sent.job_id !== job?.id && !isRepeated(state, sent)) {
    recorder.record("job-id-wrong", { ...about, detail: `${sent.state} with ${sent.job_id}` });
  }
}

/** Checks the result that a `finished-job` sync reports, before the sync is processed. */
export function checkSyncedResult(state: HubState, recorder: Recorder, row: AgentRow, sent: SyncBody): void {
  if (sent.state !== "finished-job") return;
  const about = { agent: row.name, jobId: sent.job_id };
  if (!isResult(sent.job_result)) {
    recorder.record("result-missing", { ...about, detail: JSON.stringify(sent.job_result) });
    return;
  }
  const job = state.jobs.get(sent.job_id);
  const isReportedByAgent = job?.reason === undefined && job?.tornDownAt !== undefined;
  if (isReportedByAgent && job.result !== sent.job_result) {
    recorder.record("result-changed", { ...about, detail: `${job.result} became ${sent.job_result}` });
  }
}

/** A sync that the agent gave up on may be read this much later than the sync after it. */
const overtakenMs = 500;

function isAbandoned(row: AgentRow, job: Job): boolean {
  return job.tornDownAt === undefined && row.lastSyncJobId === job.id;
}

/** Whether the sync repeats one whose answer was lost, or was overtaken by the sync that followed it. */
function isRepeated(state: HubState, sent: SyncBody): boolean {
  const tornDownAt = state.jobs.get(sent.job_id)?.tornDownAt;
  if (tornDownAt === undefined) return false;
  return sent.state === "finished-job" || state.now() - tornDownAt < overtakenMs;
}
