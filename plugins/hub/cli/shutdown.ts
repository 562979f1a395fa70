import { defineCommand, print } from "signalman";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";

export default defineCommand({
  meta: { name: "hub shutdown", description: "disable an agent: stop its job and shut it down" },
  group: "develop",
  examples: [{ line: "signalman hub shutdown my-agent", purpose: "shut an agent down" }],
  configuration: "none",
  args: {
    agent: { type: "positional", description: "name of the agent", required: true, completes: "agent" },
    hub: hubArgument,
  },
  async run({ args }) {
    await createClient(args.hub).call("POST", `/agents/${encodeURIComponent(args.agent)}/shutdown`);
    print(`${args.agent} will shut down at its next sync`);
  },
});
