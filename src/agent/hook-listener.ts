import type { Host } from "../core/contracts/host.ts";
import type { SlotListener } from "./notifier.ts";

/** Calls the hooks of plugins for the events of a slot. */
export function createHookListener(host: Pick<Host, "call">, slot: number): SlotListener {
  return {
    registered: (event) => host.call("agent:registered", { slot, ...event }),
    synced: (event) => host.call("agent:synced", { slot, ...event }),
    draining: (event) => host.call("agent:draining", { slot, ...event }),
    disconnected: (event) => host.call("agent:left", { slot, ...event }),
    jobStarted: ({ job }) => host.call("agent:job-started", { slot, jobId: job.id, job }),
    logFlushed: (event) => host.call("agent:log-flushed", { slot, ...event }),
    jobEnded: (event) => host.call("agent:job-ended", { slot, jobId: event.job.id, ...event }),
  };
}
