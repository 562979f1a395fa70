import { readCore } from "../../agent/options/read-core.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { jobSource } from "../../core/contracts/services.ts";

/** Runs an agent until it shuts down. */
export default defineCommand({
  meta: {
    name: "start",
    description: "run the agent: take jobs from the control plane and execute them",
  },
  listedOptions: "all",
  configurationPlace: "agent",
  log: "all",
  // A configuration that is refused is exit status 1 (protocol section 8.7).
  refusedStatus: 1,
  async run({ program }) {
    const core = readCore(program);
    await program.runAgent(core.slots, (host) => host.use(jobSource, core["control-plane"]));
  },
});
