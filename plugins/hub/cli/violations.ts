import { defineCommand } from "signalman";
import type { Violation } from "../watch/violations.ts";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { printList } from "./print-list.ts";

export default defineCommand({
  meta: {
    name: "hub violations",
    description: "list the agents' violations of the protocol; the exit status is 1 when there are any",
  },
  group: "develop",
  examples: [{ line: "signalman hub violations --clear", purpose: "print the violations, and delete them" }],
  configuration: "none",
  args: {
    json: { type: "boolean", description: "print NDJSON" },
    clear: { type: "boolean", description: "delete the violations after printing them" },
    hub: hubArgument,
  },
  async run({ args }) {
    const client = createClient(args.hub);
    const violations = await client.call<readonly Violation[]>("GET", "/violations");
    printList(violations, {
      json: args.json === true,
      whenEmpty: "no violations",
      head: ["time", "rule", "agent", "job", "detail"],
      toRow: ({ at, rule, agent, jobId, detail }) => [new Date(at).toISOString(), rule, agent, jobId, detail],
    });
    if (args.clear === true) await client.call("DELETE", "/violations");
    if (violations.length > 0) process.exitCode = 1;
  },
});
