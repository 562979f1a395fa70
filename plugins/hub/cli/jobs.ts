import { defineCommand } from "signalman";
import type { JobView } from "../view.ts";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { printList } from "./print-list.ts";

export default defineCommand({
  meta: { name: "hub jobs", description: "list the jobs" },
  group: "develop",
  examples: [{ line: "signalman hub jobs", purpose: "list the jobs of the hub on this machine" }],
  configuration: "none",
  args: { json: { type: "boolean", description: "print NDJSON" }, hub: hubArgument },
  async run({ args }) {
    const jobs = await createClient(args.hub).call<readonly JobView[]>("GET", "/jobs");
    printList(jobs, {
      json: args.json === true,
      whenEmpty: "no jobs",
      head: ["job", "state", "result", "agent", "events", "name"],
      toRow: ({ id, state, result, agent, log, name }) => [id, state, result, agent, log.events, name],
    });
  },
});
