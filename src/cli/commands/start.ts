import { readCore } from "../../agent/options/read-core.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { jobSource } from "../../core/contracts/services.ts";

/** Runs an agent until it shuts down. */
export default defineCommand({
  meta: {
    name: "start",
    description: "run the agent: take jobs from the control plane and execute them",
  },
  group: "run",
  examples: [
    {
      line: "signalman start --config-file /etc/signalman/config.yaml",
      purpose: "run the agent with this configuration",
    },
    {
      line: "signalman start --endpoint acme.semaphoreci.com --token-file token",
      purpose: "run an agent without a configuration file",
    },
    {
      line: "signalman start --slots 4 --shell-user ci-{slot}",
      purpose: "run four jobs at once, each as a user of its own",
    },
  ],
  listedOptions: [
    "config-file",
    "endpoint",
    "token-file",
    "name",
    "slots",
    "shell-user",
    "job-memory",
    "disconnect-after-job",
    "health-listen",
    "log-level",
  ],
  namesOptions: true,
  configurationPlace: "agent",
  log: "all",
  // A configuration that is refused is exit status 1 (protocol section 8.7).
  refusedStatus: 1,
  async run({ program }) {
    const core = readCore(program);
    await program.runAgent(core.slots, (host) => host.use(jobSource, core["control-plane"]));
  },
});
