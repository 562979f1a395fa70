import type { Hub, HubOptions } from "../contract.ts";
import { createScriptedAgent, type ScriptedAgent } from "./scripted-agent.ts";
import { createHub } from "../hub.ts";

/** A hub with a manual clock and one registered scripted agent. */
export interface Scene extends AsyncDisposable {
  readonly hub: Hub;
  readonly agent: ScriptedAgent;
  /** Submits a job, lets the agent start it, and returns the job's id. */
  take(): Promise<string>;
  /** Advances the clock. */
  wait(ms: number): void;
  /** The hub's time in unix seconds. */
  readonly nowSeconds: number;
}

export async function createScene(registered: object = {}, options: HubOptions = {}): Promise<Scene> {
  let now = 1_700_000_000_000;
  const hub = await createHub({ now: () => now, ...options });
  const agent = await createScriptedAgent(hub, { ...registered });
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

/** The answer to a sync that makes an agent shut down. */
export const shutdown = (reason: string): object => ({
  action: "shutdown",
  shutdown_reason: reason,
  job_id: "",
});
