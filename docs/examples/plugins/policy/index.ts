import { AgentError, definePlugin } from "signalman";
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
    // A gate: an error thrown here fails the job before its first command, and is shown in its log.
    ctx.hook("job:start", ({ job }) => {
      const violations = findViolations(job, policy);
      if (violations.length === 0) return;
      rejected.inc();
      const help = policy.help === "" ? "" : `\n${policy.help}`;
      throw new AgentError(
        "JOB_REFUSED",
        `this agent's policy rejects the job:\n${violations.map((violation) => `- ${violation}`).join("\n")}${help}`,
      );
    });
  },
});
