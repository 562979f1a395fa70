import { defineCommand } from "signalman";
import type { AgentView } from "../view.ts";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { printList } from "./print-list.ts";

export default defineCommand({
  meta: { name: "hub agents", description: "list the registered agents" },
  group: "develop",
  examples: [{ line: "signalman hub agents", purpose: "list the agents of the hub on this machine" }],
  configuration: "none",
  args: { json: { type: "boolean", description: "print NDJSON" }, hub: hubArgument },
  async run({ args }) {
    const agents = await createClient(args.hub).call<readonly AgentView[]>("GET", "/agents");
    printList(agents, {
      json: args.json === true,
      whenEmpty: "no agents",
      head: ["agent", "version", "host", "pid", "state", "job", ""],
      toRow: (agent) => [
        agent.name,
        agent.version,
        agent.hostname,
        agent.pid,
        agent.state || "registered",
        agent.jobId,
        toNote(agent),
      ],
    });
  },
});

function toNote({ isDisabled, isInterrupted, isDisconnected }: AgentView): string {
  if (isDisconnected) return "disconnected; name reserved";
  if (isDisabled) return "disabled; will shut down";
  return isInterrupted ? "interrupted" : "";
}
