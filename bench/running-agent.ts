// An agent, compiled, with an empty home, and how its figures are shown.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ControlPlane, createControlPlane } from "./control-plane.ts";

export const binary = process.env["SIGNALMAN_BINARY"] ?? join(import.meta.dir, "../dist/signalman");
export const home = mkdtempSync(join(tmpdir(), "signalman-bench-"));
export const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home };
export const graceSeconds = 1;

export interface RunningAgent extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly pid: number;
  /** Unix milliseconds, with fractions. */
  readonly startedAt: number;
}

/** Of a control plane of its own, unless another is named. */
export function startAgent(endpoint?: string, args: readonly string[] = []): RunningAgent {
  const plane = createControlPlane();
  const state = mkdtempSync(join(home, "state-"));
  const startedAt = performance.timeOrigin + performance.now();
  const options = {
    endpoint: endpoint ?? plane.endpoint,
    "state-dir": state,
    "log-file-path": join(state, "log"),
    "stop-grace-period": String(graceSeconds),
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const agent = Bun.spawn([binary, "start", "--no-https", ...words, ...args], {
    env: { ...env, SEMAPHORE_AGENT_TOKEN: "bench-token" },
    stdio: ["ignore", "ignore", "inherit"],
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

/** Runs the parts that the command line names, or all. */
export async function runParts(parts: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  const wanted = process.argv.slice(2);
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (wanted.length === 0 || wanted.includes(name)) await part();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The interval of syncs that the hub names as a rule. */
export function usual(): number {
  return 4000 + Math.random() * 2000;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function spread(values: readonly number[]): string {
  return `${ms(median(values))}, p95 ${ms(quantile(values, 0.95))}`;
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

export function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

export function row(what: string, figure: string): void {
  console.log(`${what.padEnd(50)} ${figure}`);
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
}
