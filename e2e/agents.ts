import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { FaultRule } from "../plugins/hub/faults.ts";
import type { Call } from "../plugins/hub/http/calls.ts";
import type { AgentView, JobView } from "../plugins/hub/view.ts";
import type { Violation } from "../plugins/hub/watch/violations.ts";
import type { JobEvent } from "../src/log/events.ts";
import { createTester, type Finished, type Running, type StartOptions, type Tester } from "./fixtures.ts";
import { type JobFile, living, toEvents, until } from "./jobs.ts";

/** The registration token of every hub here; nothing else may ever contain it. */
export const registrationToken = "registration-7f3a91c2e5";

export interface SceneOptions {
  /** For `signalman hub`. Default: syncs every 50 ms. */
  readonly hub?: readonly string[];
  /** Keeps the hub's data on disk, so that `hub.restart` goes on with it. */
  readonly isKept?: boolean;
}

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

export interface HubProcess {
  readonly endpoint: string;
  submit(job: JobFile | string, query?: string): Promise<string>;
  job(id: string): Promise<JobView>;
  jobs(): Promise<JobView[]>;
  /** Resolves when an agent has reported its end, or is gone. */
  done(id: string): Promise<JobView>;
  /** As soon as the log holds the text in one of its outputs. */
  shows(id: string, text: string): Promise<void>;
  log(id: string): Promise<JobEvent[]>;
  stopJob(id: string): Promise<void>;
  agents(): Promise<AgentView[]>;
  shutdownAgent(name: string): Promise<void>;
  violations(): Promise<Violation[]>;
  calls(): Promise<Call[]>;
  addFault(rule: FaultRule): Promise<number>;
  faults(): Promise<(FaultRule & { hits: number })[]>;
  clearFaults(): Promise<void>;
  /** Ends the hub, with SIGKILL when it is to die. */
  end(signal?: NodeJS.Signals): Promise<Finished>;
  /** Starts it again at the same address. */
  begin(): Promise<void>;
}

export async function createScene(options: SceneOptions = {}): Promise<Scene> {
  const tester = await createTester();
  const stateDirectory = path.join(tester.home, "state");
  const submitted: string[] = [];
  const hub = await startHub(tester, options, submitted);
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
    } catch {
      // It has just ended.
    }
  }
}

/** Waits until nothing runs whose command line holds the word. */
export async function gone(word: string): Promise<void> {
  await until(`no process with "${word}" lives`, () => living(word).length === 0);
}

/** Waits for a file that a job writes. */
export async function fileAppears(file: string): Promise<void> {
  await until(`"${file}" is there`, () => existsSync(file));
}

async function startHub(tester: Tester, options: SceneOptions, submitted: string[]): Promise<HubProcess> {
  const { hub: args = [], isKept = false } = options;
  const storage = isKept ? ["--storage", path.join(tester.home, "hub")] : [];
  const interval = args.includes("--sync-interval") ? [] : ["--sync-interval", "50"];
  let running: Running;
  let endpoint = "";
  const begin = async (): Promise<void> => {
    const port = endpoint === "" ? "0" : endpoint.split(":")[1]!;
    running = tester.start(["hub", "--port", port, ...interval, ...storage, ...args], {
      env: { SEMAPHORE_AGENT_TOKEN: registrationToken },
    });
    await running.shows("an agent: ");
    endpoint = /^hub listening on (\S+)$/m.exec(running.stdout)![1]!;
  };
  const ask = async <T>(method: string, route: string, body?: string): Promise<T> => {
    const response = await fetch(`http://${endpoint}/hub${route}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  const log = async (id: string): Promise<JobEvent[]> => {
    const response = await fetch(`http://${endpoint}/hub/jobs/${id}/log`);
    return toEvents(await response.text());
  };
  await begin();
  return {
    get endpoint() {
      return endpoint;
    },
    async submit(job, query = "") {
      const text = typeof job === "string" ? job : JSON.stringify(job);
      const { id } = await ask<JobView>("POST", `/jobs${query}`, text);
      submitted.push(id);
      return id;
    },
    job: (id) => ask("GET", `/jobs/${id}`),
    jobs: () => ask("GET", "/jobs"),
    async done(id) {
      let view: JobView | undefined;
      await until(`job ${id} is done`, async () => {
        view = await ask<JobView>("GET", `/jobs/${id}`);
        return view.isDone;
      });
      return view!;
    },
    async shows(id, text) {
      await until(`job ${id} shows "${text}"`, async () =>
        (await log(id)).some((event) => event.event === "cmd_output" && event.output.includes(text)),
      );
    },
    log,
    stopJob: (id) => ask("POST", `/jobs/${id}/stop`),
    agents: () => ask("GET", "/agents"),
    shutdownAgent: (name) => ask("POST", `/agents/${name}/shutdown`),
    violations: () => ask("GET", "/violations"),
    calls: () => ask("GET", "/calls"),
    addFault: async (rule) => (await ask<{ id: number }>("POST", "/faults", JSON.stringify(rule))).id,
    faults: () => ask("GET", "/faults"),
    clearFaults: () => ask("DELETE", "/faults"),
    async end(signal = "SIGTERM") {
      running.kill(signal);
      return running.finished;
    },
    begin,
  };
}
