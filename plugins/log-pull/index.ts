import { definePlugin, logBackend, type PullLogs, pullLogs } from "signalman";
import { config } from "./config.ts";
import { openPullBackend, type PullLog } from "./pull-log.ts";

/** Keeps the logs of jobs for clients that read them from this agent (protocol sections 3.3, 8.3). */
export default definePlugin({
  name: "log-pull",
  description: "keeps the logs of jobs for clients that read them from this agent",
  runsIn: ["agent"],
  config,
  setup(ctx, { enabled }) {
    if (!enabled) return;
    const logs = new Map<string, PullLog>();
    const archivedEarly = new Set<string>();
    const served: PullLogs = {
      read: (jobId, startFrom) => logs.get(jobId)?.read(startFrom),
      archive(jobId) {
        const log = logs.get(jobId);
        if (log === undefined) archivedEarly.add(jobId);
        else log.archive();
      },
    };
    ctx.defer(() => logs.forEach((log) => log[Symbol.dispose]()));
    ctx.provide(pullLogs, "pull", served);
    ctx.provide(logBackend, "pull", {
      open: (context) =>
        openPullBackend(context, (log) => {
          const { id } = context.job;
          logs.get(id)?.[Symbol.dispose]();
          logs.set(id, log);
          if (archivedEarly.has(id)) log.archive();
        }),
    });
  },
});
