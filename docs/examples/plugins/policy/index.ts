import { AgentError, definePlugin } from "signalman";
import { config } from "./config.ts";
import { refusalsOf } from "./policy.ts";

/** Refuses jobs whose images, repository or commands this agent shall not run. */
export default definePlugin({
  name: "policy",
  description: "refuses images, repositories and commands",
  runsIn: ["job"],
  config,
  flags: { "policy-help": "help" },
  setup(ctx, policy) {
    // A gate: what is thrown here fails the job before anything of it ran, and stands in its log.
    ctx.hook("job:start", ({ job }) => {
      const refusals = refusalsOf(job, policy);
      if (refusals.length === 0) return;
      const help = policy.help === "" ? "" : `\n${policy.help}`;
      throw new AgentError(
        "JOB_REFUSED",
        `this agent's policy refuses the job:\n${refusals.map((refusal) => `- ${refusal}`).join("\n")}${help}`,
      );
    });
  },
});
