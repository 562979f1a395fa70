import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Hub } from "../plugins/hub/contract.ts";
import type { JobEvent } from "../src/core/contracts/job-events.ts";
import { createTester, type Finished, type Running, type StartOptions, type Tester } from "./fixtures.ts";
import { type HubProcess, type HubProcessOptions, registrationToken, startHub } from "./hub-process.ts";
import { living, toEvents, until } from "./jobs.ts";

/** A hub in a process of its own, and agents. Ends all that it started. */
export interface Scene extends AsyncDisposable {
  readonly tester: Tester;
  readonly hub: HubProcess;
  readonly stateDirectory: string;
  /** Starts an agent, impatient wherever options allow it. */
  agent(args?: readonly string[], options?: StartOptions): Running;
  /** The same; resolves when it is registered (or known again). */
  readyAgent(args?: readonly string[], options?: StartOptions): Promise<Running>;
  /** What all agents have written. */
  agentLog(): Promise<string>;
  /** By `signalman logs`. */
  keptLog(jobId: string): Promise<JobEvent[]>;
}

export async function createScene(options: HubProcessOptions = {}): Promise<Scene> {
  const tester = await createTester();
  const stateDirectory = path.join(tester.home, "state");
  const submitted: string[] = [];
  const hub = await startHub(tester, options, (id) => void submitted.push(id));
  const config = await tester.write("impatient.json", JSON.stringify(impatient));
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
      let ended: Finished | undefined;
      void running.finished.then((end) => (ended = end));
      await until("the agent syncs", async () => {
        if (ended) throw new Error(`the agent ended: ${ended.stdout}${ended.stderr}`);
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
      if (exitCode !== 0) throw new Error(`"signalman logs" ended with ${exitCode}: ${stderr}`);
      return toEvents(stdout);
    },
    async [Symbol.asyncDispose]() {
      for (const id of submitted) endJobProcess(id);
      await tester[Symbol.asyncDispose]();
    },
  };
}

/** Starts agents at a hub of this process, each with a state of its own. */
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
  const config = await tester.write("impatient.json", JSON.stringify(impatient));
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
      for (const { id } of hub.jobs) endJobProcess(id);
      await tester[Symbol.asyncDispose]();
    },
  };
}

/** No option has another value than an operator could give it. */
const impatient = {
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

/** Pids of living job processes of this job. */
export function jobProcesses(jobId: string): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0") : [];
      return words[1] === "job-process" && words[2] === jobId ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

/** The job process stops its job at SIGTERM, and goes. */
function endJobProcess(jobId: string): void {
  for (const pid of jobProcesses(jobId)) {
    try {
      process.kill(pid, "SIGTERM");
      process.kill(pid, "SIGCONT");
    } catch {
      // It has just ended.
    }
  }
}

/** A file of the agents' home. */
export function inHome({ tester }: Scene, name: string): string {
  return path.join(tester.home, name);
}

/** The first file of this name in the agents' state. */
export function findFile({ stateDirectory }: Scene, name: string): string {
  const found = readdirSync(stateDirectory, { recursive: true, encoding: "utf8" }).find(
    (file) => path.basename(file) === name,
  );
  if (found === undefined) throw new Error(`there is no "${name}" in "${stateDirectory}"`);
  return path.join(stateDirectory, found);
}

/** Waits until nothing runs whose command line holds the word. */
export async function gone(word: string): Promise<void> {
  await until(`no process with "${word}" lives`, () => living(word).length === 0);
}

/** Waits for a file that a job writes. */
export async function fileAppears(file: string): Promise<void> {
  await until(`"${file}" is there`, () => existsSync(file));
}
