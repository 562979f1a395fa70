import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ControlPlane, createControlPlane } from "./control-plane.ts";

export const binary = process.env["SIGNALMAN_BINARY"] ?? join(import.meta.dir, "../dist/signalman");
export const home = mkdtempSync(join(tmpdir(), "signalman-bench-"));
export const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home };
export const graceSeconds = 1;

/** A compiled agent with an empty home and a control plane on loopback. */
export interface RunningAgent extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly pid: number;
  /** Start time in unix milliseconds, with fractions. */
  readonly startedAt: number;
}

export interface AgentOptions {
  /** Default: the agent's own control plane. */
  readonly endpoint?: string;
  readonly args?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  /** The compiled program. Default: the one of this checkout. */
  readonly program?: string;
  /** The user and group of the agent. Default: this process's. */
  readonly uid?: number | undefined;
}

export function startAgent(agentOptions: AgentOptions = {}): RunningAgent {
  const { endpoint, args = [], variables = {}, program = binary, uid } = agentOptions;
  const plane = createControlPlane();
  const state = mkdtempSync(join(home, "state-"));
  if (uid !== undefined) chownSync(state, uid, uid);
  chmodSync(home, 0o1777);
  const startedAt = performance.timeOrigin + performance.now();
  const options = {
    endpoint: endpoint ?? plane.endpoint,
    "state-dir": state,
    "log-file-path": join(state, "log"),
    "stop-grace-period": String(graceSeconds),
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const agent = Bun.spawn([program, "start", "--no-https", ...flags, ...args], {
    env: { ...env, ...variables, SEMAPHORE_AGENT_TOKEN: "bench-token" },
    stdio: ["ignore", "ignore", "inherit"],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  return {
    plane,
    pid: agent.pid,
    startedAt,
    async [Symbol.asyncDispose]() {
      agent.kill("SIGTERM");
      plane.shutdown();
      const timer = setTimeout(() => agent.kill("SIGKILL"), 10_000);
      await agent.exited;
      clearTimeout(timer);
      plane[Symbol.dispose]();
    },
  };
}

/** Runs the parts of a benchmark that the command line names, or all of them. */
export async function runParts(parts: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  const names = process.argv.slice(2);
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (names.length === 0 || names.includes(name)) await part();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Returns a sync interval in milliseconds, like the ones of the production server. */
export function productionInterval(): number {
  return 4000 + Math.random() * 2000;
}
