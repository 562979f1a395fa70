import { defineCommand } from "signalman";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";

export default defineCommand({
  meta: { name: "hub shutdown", description: "disable an agent: its job is stopped, and it leaves" },
  args: { agent: { type: "positional", description: "its name", required: true }, hub: hubArgument },
  async run({ args }) {
    await createClient(args.hub).call("POST", `/agents/${encodeURIComponent(args.agent)}/shutdown`);
    process.stdout.write(`${args.agent} is told with its next sync\n`);
  },
});
