import { defineCommand } from "signalman";
import type { Violation } from "../watch/violations.ts";
import { hubArgument } from "./arguments.ts";
import { createClient } from "./client.ts";
import { printList } from "./print.ts";

export default defineCommand({
  meta: {
    name: "hub violations",
    description: "list what agents did against the protocol; exit status 1 when there is any",
  },
  args: {
    json: { type: "boolean", description: "print them as NDJSON" },
    clear: { type: "boolean", description: "forget them once they are printed" },
    hub: hubArgument,
  },
  async run({ args }) {
    const client = createClient(args.hub);
    const violations = await client.call<readonly Violation[]>("GET", "/violations");
    printList(violations, {
      json: args.json === true,
      nothing: "no violations",
      head: ["time", "rule", "agent", "job", "what happened"],
      toRow: ({ at, rule, agent, jobId, detail }) => [new Date(at).toISOString(), rule, agent, jobId, detail],
    });
    if (args.clear === true) await client.call("DELETE", "/violations");
    if (violations.length > 0) process.exitCode = 1;
  },
});
