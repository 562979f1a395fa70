import type { Hub, HubOptions } from "./contract.ts";
import { createForeignAgent, type ForeignAgent } from "./foreign-agent.ts";
import { createHub } from "./hub.ts";

/** A hub whose clock stands still, and an agent by hand. For tests. */
export interface Scene extends AsyncDisposable {
  readonly hub: Hub;
  readonly agent: ForeignAgent;
  /** Submits a job, and has the agent take it. */
  take(): Promise<string>;
  wait(ms: number): void;
  readonly nowSeconds: number;
}

export async function createScene(registered: object = {}, options: HubOptions = {}): Promise<Scene> {
  let now = 1_700_000_000_000;
  const hub = await createHub({ now: () => now, ...options });
  const agent = await createForeignAgent(hub, { ...registered });
  return {
    hub,
    agent,
    async take() {
      const { id } = await hub.submit("commands: []");
      await agent.take(id);
      return id;
    },
    wait: (ms) => void (now += ms),
    get nowSeconds() {
      return now / 1000;
    },
    [Symbol.asyncDispose]: () => hub.stop(),
  };
}

/** What an agent is told that is to leave. */
export const shutdown = (reason: string): object => ({
  action: "shutdown",
  shutdown_reason: reason,
  job_id: "",
});
