import { AgentError, defineCommand } from "signalman";
import { type Fault, faultKinds } from "../faults.ts";
import { hubArgument, parseNumber } from "./arguments.ts";
import { type Client, createClient } from "./client.ts";
import { printList } from "./print-list.ts";

export default defineCommand({
  meta: { name: "hub faults", description: "list the fault rules; with --kind, add one" },
  group: "develop",
  examples: [
    { line: "signalman hub faults", purpose: "list the rules" },
    {
      line: "signalman hub faults --kind status --status 503 --on sync --count 3",
      purpose: "fail the next three syncs",
    },
  ],
  configuration: "none",
  args: {
    kind: { type: "enum", options: [...faultKinds], description: "kind of fault to add" },
    on: {
      type: "string",
      description: "comma-separated endpoints that fail: sync, sync/finished-job, log, … (default: *)",
      valueHint: "patterns",
    },
    status: {
      type: "string",
      description: "HTTP status for the kind status, 200 to 599 (default: 503)",
      valueHint: "number",
    },
    delay: {
      type: "string",
      description: "milliseconds for the kinds delay and delay-after (default: 1000)",
      valueHint: "ms",
    },
    probability: {
      type: "string",
      description: "probability that a matching request fails, 0 to 1 (default: 1)",
      valueHint: "number",
    },
    seed: {
      type: "string",
      description: "seed of the random choice; the same seed selects the same requests (default: 1)",
      valueHint: "number",
    },
    skip: {
      type: "string",
      description: "number of matching requests to pass before the first fault (default: 0)",
      valueHint: "number",
    },
    count: {
      type: "string",
      description: "maximum number of faults (default: no limit)",
      valueHint: "number",
    },
    from: {
      type: "string",
      description: "milliseconds after which the rule takes effect (default: 0)",
      valueHint: "ms",
    },
    until: {
      type: "string",
      description: "milliseconds after which the rule expires (default: never)",
      valueHint: "ms",
    },
    remove: { type: "string", description: "number of the fault rule to remove", valueHint: "number" },
    clear: { type: "boolean", description: "remove all fault rules" },
    json: { type: "boolean", description: "print NDJSON" },
    hub: hubArgument,
  },
  async run({ args }) {
    const client = createClient(args.hub);
    const rule = {
      on: args.on,
      kind: args.kind,
      status: parseNumber("status", args.status, { from: 200, to: 599 }),
      delayMs: parseNumber("delay", args.delay),
      probability: parseNumber("probability", args.probability, { to: 1, isWhole: false }),
      seed: parseNumber("seed", args.seed),
      skip: parseNumber("skip", args.skip),
      count: parseNumber("count", args.count),
      fromMs: parseNumber("from", args.from),
      untilMs: parseNumber("until", args.until),
    };
    if (args.clear === true) await client.call("DELETE", "/faults");
    const remove = parseNumber("remove", args.remove);
    if (remove !== undefined) await client.call("DELETE", `/faults/${remove}`);
    if (rule.kind !== undefined) await client.call("POST", "/faults", JSON.stringify(rule));
    else if (Object.values(rule).some((value) => value !== undefined)) {
      throw new AgentError("USAGE_INVALID", `option "--kind" is required: one of ${faultKinds.join(", ")}`);
    }
    await list(client, args.json === true);
  },
});

async function list(client: Client, json: boolean): Promise<void> {
  printList(await client.call<readonly Fault[]>("GET", "/faults"), {
    json,
    whenEmpty: "no faults",
    head: ["fault", "kind", "on", "probability", "seed", "hits", "matched"],
    toRow: ({ id, kind, on, probability, seed, hits, matched }) => [
      id,
      kind,
      on,
      probability,
      seed,
      hits,
      matched,
    ],
  });
}
