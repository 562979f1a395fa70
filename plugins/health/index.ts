import { createAgentMetrics, definePlugin, type HookName, hooksOf } from "signalman";
import { config } from "./config.ts";
import type { Health } from "./health.ts";

/** Serves health, readiness, status and metrics over HTTP. */
export default definePlugin({
  name: "health",
  description: "serves health, readiness, status and metrics over HTTP",
  runsIn: ["agent"],
  config,
  flags: { "health-listen": "listen", "health-hosts": "hosts", "health-sync-age": "sync-age" },
  setup(ctx, { listen, hosts, "sync-age": syncAge }) {
    if (listen === "") return;
    let health: Health | undefined;
    ctx.hook("agent:start", async ({ version, status }) => {
      if (!status) return;
      const { openHealth } = await import("./health.ts");
      health = await openHealth({
        listen,
        hosts,
        syncAgeMs: syncAge * 1000,
        version,
        status,
        pluginMetrics: ctx.metrics.read,
        logger: ctx.log,
      });
      ctx.defer(health.close);
    });
    ctx.hook("agent:registered", ({ slot }) => health?.registered(slot));
    ctx.hook("agent:job-started", ({ job }) => health?.announce(job.executor));
    const measureAt = <N extends HookName>(name: N) =>
      ctx.hook(name, (event) => health?.measure(name, event));
    hooksOf(createAgentMetrics().filter(({ prometheus }) => prometheus)).forEach(measureAt);
  },
});
