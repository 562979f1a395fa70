import { definePlugin } from "signalman";
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
        logger: ctx.log,
      });
      ctx.defer(health.close);
    });
    ctx.hook("agent:registered", ({ slot }) => health?.registered(slot));
    ctx.hook("agent:synced", (event) => health?.synced(event));
    ctx.hook("agent:job-started", (event) => health?.jobStarted(event));
    ctx.hook("agent:job-ended", (event) => health?.jobEnded(event));
  },
});
