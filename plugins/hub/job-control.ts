import { AgentError, type JobRequest, parseJobRequest } from "signalman";
import type { Hub } from "./contract.ts";
import { stopJob, submit, submitRaw } from "./model/jobs.ts";
import { type HubState, isUuid, saveAgent } from "./model/state.ts";
import { viewJob } from "./view.ts";

/** The operations of a hub's users on jobs and agents. */
export type JobControl = Pick<Hub, "submit" | "submitRaw" | "retryJob" | "stopJob" | "shutdownAgent">;

export interface JobControlOptions {
  /** The hub's URL. */
  readonly origin: string;
  /** Stores the state and notifies waiting callers. */
  readonly save: () => Promise<void>;
}

export function createJobControl(state: HubState, { origin, save }: JobControlOptions): JobControl {
  const checkId = (id: string | undefined): void => {
    if (id === undefined) return;
    if (!isUuid(id)) throw new AgentError("JOB_INVALID", `job id "${id}" is not a UUID`);
    if (state.jobs.has(id)) throw new AgentError("JOB_INVALID", `job id "${id}" is already in use`);
  };
  const requests = new Map<string, JobRequest>();
  const control: JobControl = {
    async submit(job, options = {}) {
      const { name = "job request" } = options;
      const request = typeof job === "string" ? (await parseJobRequest(job, { name })).request : job;
      checkId(options.id);
      const queued = submit(state, request, { ...options, origin });
      requests.set(queued.id, request);
      const [oldest = ""] = requests.keys();
      if (requests.size > mostRequests) requests.delete(oldest);
      await save();
      return viewJob(state, queued);
    },
    async retryJob(id) {
      const request = requests.get(id);
      return request && control.submit({ ...request, id: "" });
    },
    async submitRaw(job, options = {}) {
      checkId(options.id);
      const queued = submitRaw(state, job, { ...options, origin });
      await save();
      return viewJob(state, queued);
    },
    async stopJob(id) {
      const job = state.jobs.get(id);
      if (job === undefined || job.state === "finished") return false;
      stopJob(state, job);
      await save();
      return true;
    },
    async shutdownAgent(name) {
      const row = [...state.agents.values()].find((agent) => agent.name === name);
      if (row === undefined) return false;
      row.disabledAt ??= state.now();
      saveAgent(state, row);
      await save();
      return true;
    },
  };
  return control;
}

/** Requests that are kept in memory to run them again, since the secrets of stored ones are removed. */
const mostRequests = 200;
