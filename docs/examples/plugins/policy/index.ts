import { definePlugin, jobPolicy } from "signalman";
import { config } from "./config.ts";
import { findViolations } from "./policy.ts";

/** Rejects jobs whose images, repository or commands are not allowed on this agent. */
export default definePlugin({
  name: "policy",
  description: "rejects jobs by their images, repositories and commands",
  runsIn: ["job"],
  config,
  flags: { "policy-help": "help" },
  setup(ctx, policy) {
    const rejected = ctx.metrics.counter("rejected_jobs_total", {
      help: "Jobs that the policy has rejected.",
    });
    ctx.provide(jobPolicy, "policy", {
      check({ job }) {
        const violations = findViolations(job, policy);
        if (violations.length === 0) return undefined;
        rejected.inc();
        const list = violations.map((violation) => `- ${violation}`).join("\n");
        const help = policy.help === "" ? "" : `\n${policy.help}`;
        return `this agent's policy rejects the job:\n${list}${help}`;
      },
    });
  },
});
