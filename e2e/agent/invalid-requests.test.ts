import { describe, expect, test } from "bun:test";
import { createHub } from "../../plugins/hub/hub.ts";
import { startAgents } from "../support/agents.ts";
import { runMutations } from "../serve/mutated-requests.ts";

/** `bun bench/requests.ts --count 2000` tests more requests. */
describe("invalid job requests", () => {
  test.concurrent("200 mutated requests: each is answered with finished-job, and the agents continue", async () => {
    await using hub = await createHub({ syncIntervalMs: 20 });
    await using agents = await startAgents(hub, 2);
    const { results, failures } = await runMutations({ hub, count: 200, seed: 1 });
    expect(failures).toEqual([]);
    expect(results["failed"]).toBeGreaterThan(50);
    expect(results["passed"]).toBeGreaterThan(10);
    expect(hub.agents).toHaveLength(2);
    expect(hub.calls.filter(({ endpoint }) => endpoint === "register")).toHaveLength(2);
    expect(await agents.alive()).toBe(2);
    // An agent fetches again after an answer that is not JSON, since it may be truncated.
    const rules = new Set(hub.violations.list.map(({ rule }) => rule));
    for (const rule of ["sync-early", "fetched-again"] as const) rules.delete(rule);
    expect([...rules]).toEqual([]);
  });
});
