import { connect } from "node:net";
import type { AgentStatus, HangingHook, Plugin, PluginStatus, SlotStatus } from "signalman";
import { type PluginUnderTest, testPlugin } from "signalman/testing";
import plugin from "../index.ts";

export interface HealthUnderTest extends AsyncDisposable {
  readonly t: PluginUnderTest;
  /** The address of the server, from the log. */
  readonly address: string;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Sets the status of the agent. */
  setSlots(...slots: Partial<SlotStatus>[]): void;
  setHanging(...hooks: HangingHook[]): void;
  setPlugins(...reports: PluginStatus[]): void;
  /** Number of times that the plugin has read the status of the agent. */
  readonly statusReads: number;
}

/** Starts the plugin for an agent whose status the test sets. */
export async function startHealth(
  listen = "127.0.0.1:0",
  config: object = {},
  others: readonly Plugin[] = [],
): Promise<HealthUnderTest> {
  const t = await testPlugin(plugin, { roles: ["agent"], config: { listen, ...config }, with: others });
  let slots: SlotStatus[] = [{ slot: 0, state: "waiting", name: "an-agent" }];
  let hangingHooks: HangingHook[] = [];
  let plugins: PluginStatus[] = [];
  let statusReads = 0;
  const status = (): AgentStatus => {
    statusReads += 1;
    return {
      version: "1.2.3",
      pid: 7,
      startedAt: 0,
      stateDirectory: "/state",
      slots,
      ...(hangingHooks.length > 0 && { hangingHooks }),
      ...(plugins.length > 0 && { plugins }),
    };
  };
  try {
    await t.call("agent:start", { version: "1.2.3", status });
  } catch (error) {
    await t[Symbol.asyncDispose]();
    throw error;
  }
  const line = t.logs.find(({ message }) => message.startsWith("health, status and metrics are at "))!;
  const address = line.message.split(" ").at(-1)!;
  const isUnix = address.startsWith("unix:");
  return {
    t,
    address,
    get: (path, init) =>
      fetch(`${isUnix ? "http://health" : address.replace("*", "127.0.0.1")}${path}`, {
        ...init,
        ...(isUnix && { unix: address.slice("unix:".length) }),
      }),
    get statusReads() {
      return statusReads;
    },
    setPlugins: (...now) => void (plugins = now),
    setHanging: (...now) => void (hangingHooks = now),
    setSlots: (...now) =>
      void (slots = now.map((one, slot) => ({
        slot,
        state: "waiting",
        name: `an-agent-${slot + 1}`,
        ...one,
      }))),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

/** Sends bytes to a port of this host and reads until the server closes the connection. */
export function sendRaw(address: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(new URL(address).port), "127.0.0.1", () => socket.write(text));
    socket.on("data", (bytes) => (answer += bytes.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
