import { listJobs } from "../../agent/kept-logs.ts";
import { askStatus } from "../../agent/status-socket.ts";
import { toSpan } from "../../core/text/amounts.ts";
import { findStateDirectory, listAgentDirectories } from "../../os/state/directory.ts";
import type { Candidate } from "./complete.ts";

export interface HostPlace {
  /** The state directory. Default: that of this user. */
  readonly directory: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Lists the jobs whose logs are on this host, with state and age. */
export async function listJobIds(place: HostPlace, prefix: string): Promise<Candidate[]> {
  try {
    const stateDirectory = findStateDirectory(place);
    return listJobs({ stateDirectory, prefix, most: maxJobs }).map((job) => {
      const seconds = Math.max(0, Date.now() - (job.startedAt ?? job.changedAt)) / 1000;
      const state = job.summary?.result ?? job.state;
      return {
        value: job.id,
        description: `${state}, started ${toSpan(seconds, 0)} ago, slot ${job.slot + 1}`,
      };
    });
  } catch {
    return [];
  }
}

const maxJobs = 100;

/** Lists the names of the slots of agents that run on this host. */
export async function listAgents(place: HostPlace): Promise<Candidate[]> {
  try {
    const directories = listAgentDirectories(findStateDirectory(place)).slice(0, maxAgents);
    const answers = await Promise.all(directories.map((directory) => askStatus(directory, answerMs)));
    return answers.flatMap((answer) => {
      if (answer.kind !== "status") return [];
      return answer.status.slots.flatMap(({ name, slot, state }) =>
        typeof name === "string" ? [{ value: name, description: `slot ${slot + 1}, ${state}` }] : [],
      );
    });
  } catch {
    return [];
  }
}

const maxAgents = 20;
const answerMs = 300;
