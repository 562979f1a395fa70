import { parseArgs } from "node:util";
import { startAgents } from "../e2e/support/agents.ts";
import { runMutations } from "../e2e/serve/mutated-requests.ts";
import { createHub } from "../plugins/hub/hub.ts";

// Sends mutated job requests, each of which an agent must report: `bun bench/requests.ts --count 2000 --seed
// 1`.
const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    agents: { type: "string", default: "2" },
  },
});
await using hub = await createHub({ syncIntervalMs: 20 });
await using agents = await startAgents(hub, Number(values.agents));
const from = performance.now();
const { results, failures } = await runMutations({
  hub,
  count: Number(values.count),
  seed: Number(values.seed),
});
const seconds = ((performance.now() - from) / 1000).toFixed(0);
console.log(
  `${values.count} requests in ${seconds} s: ${JSON.stringify(results)}; ${await agents.alive()} agents alive`,
);
const rules: Record<string, number> = {};
for (const { rule } of hub.violations.list) rules[rule] = (rules[rule] ?? 0) + 1;
console.log(`violations: ${JSON.stringify(rules)}`);
for (const failure of failures) console.error(`\n${failure}`);
process.exitCode = failures.length > 0 || (await agents.alive()) !== Number(values.agents) ? 1 : 0;
