import type { AgentStatus, JobStatus, SlotStatus } from "../../core/contracts/agent-status.ts";
import { toSize } from "../../core/text/amounts.ts";
import { openStatusLine } from "./status-line.ts";

/** Shows in the status line of a terminal what an agent waits for before it exits. */
export interface AgentExitView extends Disposable {
  /** Reads the agent's status from here on. */
  watch(read: () => AgentStatus): void;
}

const readMs = 500;

export function openAgentExitView(): AgentExitView {
  const line = openStatusLine({ quietMs: 1000 });
  let timer: NodeJS.Timeout | undefined;
  return {
    watch(read) {
      timer = setInterval(() => {
        const { slots } = read();
        line.show(toWait(slots), { progress: () => toProgress(slots) });
      }, readMs);
      timer.unref();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      line[Symbol.dispose]();
    },
  };
}

const waits: Readonly<Record<JobStatus["phase"], string>> = {
  running: "exiting after job",
  flushing: "delivering the log of job",
  reporting: "reporting the result of job",
};

/** Returns what the agent waits for; `undefined` unless it is about to exit. */
export function toWait(slots: readonly SlotStatus[]): string | undefined {
  const staying = slots.filter(({ state }) => state !== "left" && state !== "failed");
  if (staying.length === 0 || staying.some(({ draining }) => draining === undefined)) return undefined;
  const jobs = staying.flatMap(({ job }) => job ?? []);
  const [first] = jobs;
  if (first === undefined) return "disconnecting from the control plane";
  const others = jobs.length > 1 ? ` and ${jobs.length - 1} more` : "";
  return `${waits[first.phase]} ${first.id}${others}`;
}

/** Returns how much of the logs is delivered. */
export function toProgress(slots: readonly SlotStatus[]): string | undefined {
  const logs = slots.flatMap(({ job }) => (job?.phase === "flushing" ? [job.log] : []));
  if (logs.length === 0) return undefined;
  const sum = (key: "producedBytes" | "deliveredBytes") => logs.reduce((total, log) => total + log[key], 0);
  return `${toSize(sum("deliveredBytes"))} of ${toSize(sum("producedBytes"))}`;
}
