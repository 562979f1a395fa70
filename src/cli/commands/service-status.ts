import { defineCommand } from "../../core/contracts/command.ts";
import { print, printJson } from "../output/print.ts";
import { findService } from "../service/service.ts";

export default defineCommand({
  meta: { name: "service status", description: "show whether the agent is installed as a service, and runs" },
  group: "operate",
  examples: [{ line: "signalman service status", purpose: "show whether the service is active" }],
  args: { json: { type: "boolean", description: "print JSON" } },
  configuration: "none",
  log: "stderr",
  async run({ args }) {
    const service = findService();
    const status = await service.status();
    const { definition, isActive, isEnabled } = status;
    process.exitCode = isActive ? 0 : 1;
    if (args.json) return printJson({ name: service.name, ...status }, 2);
    if (definition === undefined) return print(`${service.name} is not installed`);
    const state = `${isActive ? "active" : "not active"}, ${isEnabled ? "enabled" : "not enabled"}`;
    print(`${service.name}: ${state} (${definition})`);
  },
});
