import { AgentError, defineCommand } from "signalman";
import type { Fault } from "../faults.ts";
import { hubArgument, parseNumber } from "./arguments.ts";
import { type Client, createClient } from "./client.ts";
import { printList } from "./print.ts";

const kinds = [
  "delay",
  "delay-after",
  "drop-before",
  "drop-after",
  "cut",
  "bad-body",
  "status",
  "partition",
] as const;

export default defineCommand({
  meta: { name: "hub faults", description: "list what is made to go wrong; with --kind, add to it" },
  args: {
    kind: { type: "enum", options: [...kinds], description: "what is to go wrong" },
    on: {
      type: "string",
      description: "endpoints: sync, sync/finished-job, log, fetch, …; * by default",
      valueHint: "patterns",
    },
    status: { type: "string", description: "for status: which (503 by default)", valueHint: "number" },
    delay: {
      type: "string",
      description: "for delay and delay-after: how long (1000 by default)",
      valueHint: "ms",
    },
    probability: {
      type: "string",
      description: "of each request that matches, 0 to 1 (1 by default)",
      valueHint: "number",
    },
    seed: { type: "string", description: "the same one spoils the same requests", valueHint: "number" },
    skip: { type: "string", description: "spare so many requests at first", valueHint: "number" },
    count: { type: "string", description: "spoil so many in all", valueHint: "number" },
    from: { type: "string", description: "begin after so many ms", valueHint: "ms" },
    until: { type: "string", description: "end after so many ms", valueHint: "ms" },
    remove: { type: "string", description: "remove the fault with this number", valueHint: "number" },
    clear: { type: "boolean", description: "remove them all" },
    json: { type: "boolean", description: "print them as NDJSON" },
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
      throw new AgentError("USAGE_INVALID", `a fault needs "--kind": one of ${kinds.join(", ")}`);
    }
    await list(client, args.json === true);
  },
});

async function list(client: Client, json: boolean): Promise<void> {
  printList(await client.call<readonly Fault[]>("GET", "/faults"), {
    json,
    nothing: "no faults",
    head: ["fault", "kind", "on", "probability", "seed", "spoiled", "of"],
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
