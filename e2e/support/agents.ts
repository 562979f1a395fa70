import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Hub } from "../../plugins/hub/contract.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { createTester, type Finished, type Running, type StartOptions, type Tester } from "./fixtures.ts";
import { type HubProcess, type HubProcessOptions, registrationToken, startHub } from "./hub-process.ts";
import { findProcesses, toEvents, until } from "./jobs.ts";

/** A hub in its own process, and agents. Disposal ends everything that was started. */
export interface Scene extends AsyncDisposable {
  readonly tester: Tester;
  readonly hub: HubProcess;
  readonly stateDirectory: string;
  /** Starts an agent with short intervals and time-outs. */
  agent(args?: readonly string[], options?: StartOptions): Running;
  /** Starts an agent and resolves once it syncs. */
  readyAgent(args?: readonly string[], options?: StartOptions): Promise<Running>;
  /** Reads the log that all agents share. */
  agentLog(): Promise<string>;
  /** Reads a job's events with `signalman logs`. */
  keptLog(jobId: string): Promise<JobEvent[]>;
}

export async function createScene(
  options: HubProcessOptions = {},
  home: Parameters<typeof createTester>[0] = {},
): Promise<Scene> {
  const tester = await createTester(home);
  const stateDirectory = path.join(tester.home, "state");
  const submitted: string[] = [];
  const hub = await startHub(tester, options, (id) => void submitted.push(id));
  const config = await tester.write("fast.json", JSON.stringify(fastOptions));
  const agent = (args: readonly string[] = [], { env, ...rest }: StartOptions = {}): Running => {
    const place = ["--endpoint", hub.endpoint, "--no-https", "--config-file", config];
    return tester.start(["start", ...place, ...args], {
      ...rest,
      env: { SEMAPHORE_AGENT_TOKEN: registrationToken, SEMAPHORE_AGENT_STATE_DIR: stateDirectory, ...env },
    });
  };
  return {
    tester,
    hub,
    stateDirectory,
    agent,
    async readyAgent(args, agentOptions) {
      const before = (await hub.calls()).length;
      const running = agent(args, agentOptions);
      let finished: Finished | undefined;
      void running.finished.then((result) => (finished = result));
      await until("the agent syncs", async () => {
        if (finished) throw new Error(`the agent exited: ${finished.stdout}${finished.stderr}`);
        return (await hub.calls()).slice(before).some(({ endpoint }) => endpoint.startsWith("sync"));
      });
      return running;
    },
    agentLog: () => readFile(path.join(tester.temporary, "agent_log"), "utf8"),
    async keptLog(jobId) {
      const { exitCode, stdout, stderr } = await tester.run(
        ["logs", jobId, "--json", "--state-dir", stateDirectory],
        { cwd: tester.temporary },
      );
      if (exitCode !== 0) throw new Error(`"signalman logs" exited with status ${exitCode}: ${stderr}`);
      return toEvents(stdout);
    },
    async [Symbol.asyncDispose]() {
      for (const id of submitted) killJobProcess(id);
      await tester[Symbol.asyncDispose]();
    },
  };
}

/** Starts agents that use a hub in this process. Each agent has its own state. */
export async function startAgents(
  hub: Hub,
  count: number,
): Promise<AsyncDisposable & { alive(): Promise<number> }> {
  const tester = await createTester();
  const flags = [
    "--endpoint",
    hub.endpoint,
    "--no-https",
    "--get-job-attempts",
    "2",
    "--log-flush-timeout",
    "1",
  ];
  const config = await tester.write("fast.json", JSON.stringify(fastOptions));
  const agents = Array.from({ length: count }, (_, index) =>
    tester.start(["start", "--config-file", config, ...flags, "--name", `agent-number-${index}`], {
      env: { SEMAPHORE_AGENT_TOKEN: hub.token },
    }),
  );
  await hub.until(() => hub.agents.length === count);
  return {
    async alive() {
      const ends = await Promise.all(agents.map(({ finished }) => Promise.race([finished, Bun.sleep(100)])));
      return ends.filter((end) => end === undefined).length;
    },
    async [Symbol.asyncDispose]() {
      for (const { id } of hub.jobs) killJobProcess(id);
      await tester[Symbol.asyncDispose]();
    },
  };
}

/** Options that make agents react quickly. An operator could set the same values. */
const fastOptions = {
  "register-interval": 0.05,
  "get-job-interval": 0.05,
  "disconnect-interval": 0.05,
  "sync-interval-min": 0.05,
  "sync-interval-max": 0.1,
  "request-timeout": 1,
  "stop-grace-period": 1,
  "claim-timeout": 20,
  plugins: { "log-push": { "request-timeout": 1, "retry-delay-ms": 20, "retry-delay-max": 0.2 } },
};

/** Lists the pids of a job's process. */
export function jobProcesses(jobId: string): number[] {
  return findOf("job-process", jobId);
}

/** Lists the pids of what records a job's output. */
export function jobRecorders(jobId: string): number[] {
  return findOf("stream-recorder", jobId);
}

function findOf(command: string, jobId: string): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0") : [];
      return words[1] === command && words[2] === jobId ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

/** Kills the job's process; its guard ends what the job started. SIGTERM would be left to an agent that still runs. */
function killJobProcess(jobId: string): void {
  for (const pid of jobProcesses(jobId)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // The process has just exited.
    }
  }
}

/** Returns the path of a file in the agents' home. */
export function inHome({ tester }: Scene, name: string): string {
  return path.join(tester.home, name);
}

/** Finds a file of this name in the agents' state directory. */
export function findFile({ stateDirectory }: Scene, name: string): string {
  const found = readdirSync(stateDirectory, { recursive: true, encoding: "utf8" }).find(
    (file) => path.basename(file) === name,
  );
  if (found === undefined) throw new Error(`file "${name}" not found in "${stateDirectory}"`);
  return path.join(stateDirectory, found);
}

/** Waits until no process with this word in its command line runs. */
export async function waitForExit(word: string): Promise<void> {
  await until(`all processes with "${word}" have exited`, () => findProcesses(word).length === 0);
}

/** Waits for a file that a job creates. */
export async function waitForFile(file: string): Promise<void> {
  await until(`"${file}" exists`, () => existsSync(file));
}
