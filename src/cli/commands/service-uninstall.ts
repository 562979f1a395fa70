import { defineCommand } from "../../core/contracts/command.ts";
import { print } from "../output/print.ts";
import { assertRoot } from "../service/prepare.ts";
import { findService } from "../service/service.ts";

export default defineCommand({
  meta: { name: "service uninstall", description: "let the agent finish its job, and remove its service" },
  group: "operate",
  examples: [{ line: "signalman service uninstall", purpose: "remove the service when its job has ended" }],
  configuration: "none",
  log: "stderr",
  async run() {
    assertRoot();
    const service = findService();
    const hasExited = await service.uninstall();
    const rest = hasExited ? "" : "; the agent finishes its running job and exits then";
    print(`${service.name} is removed${rest}. The configuration, the state and the logs of jobs remain.`);
  },
});
