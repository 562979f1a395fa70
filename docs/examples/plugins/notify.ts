import { definePlugin, v } from "signalman";

/** Posts to a web hook (Slack, Mattermost, your own) when a job has ended. */
export default definePlugin({
  name: "notify",
  description: "posts to a web hook when a job has ended",
  runsIn: ["agent"],
  config: v.strictObject({
    url: v.optional(
      v.pipe(
        v.string(),
        v.url(),
        v.description("Where to post; without it nothing is posted"),
        v.metadata({ secret: true }),
      ),
    ),
    on: v.optional(v.pipe(v.picklist(["failed", "always"]), v.description("After which jobs")), "failed"),
  }),
  flags: { "notify-url": "url", "notify-on": "on" },
  setup(ctx, { url, on }) {
    if (url === undefined) return;
    ctx.hook("agent:job-ended", async ({ jobId, result, durationMs }) => {
      if (on === "failed" && result !== "failed") return;
      const text = `Job ${jobId} ${result} after ${Math.round(durationMs / 1000)} s`;
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text }),
        signal: AbortSignal.any([ctx.signal, AbortSignal.timeout(5000)]),
      });
      if (!response.ok) throw new Error(`the web hook answered ${response.status}`);
    });
  },
});
