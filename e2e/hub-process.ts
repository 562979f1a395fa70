import path from "node:path";
import type { FaultRule } from "../plugins/hub/faults.ts";
import type { Call } from "../plugins/hub/http/calls.ts";
import type { AgentView, JobView } from "../plugins/hub/view.ts";
import type { Violation } from "../plugins/hub/watch/violations.ts";
import type { JobEvent } from "../src/core/contracts/job-events.ts";
import type { Finished, Running, Tester } from "./fixtures.ts";
import { type JobFile, toEvents, until } from "./jobs.ts";

/** The registration token of every hub here; nothing else may ever contain it. */
export const registrationToken = "registration-7f3a91c2e5";

export interface HubProcessOptions {
  /** Words for `signalman hub`. Default: syncs every 50 ms. */
  readonly hub?: readonly string[];
  /** Keeps the hub's data on disk, so that `begin` goes on with it. */
  readonly isKept?: boolean;
}

/** The compiled program's `signalman hub`, steered by what it offers to people. */
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
  /** The violations, but for those that only say when a sync came: machines are busy. */
  breaches(): Promise<Violation[]>;
  calls(): Promise<Call[]>;
  addFault(rule: FaultRule): Promise<number>;
  faults(): Promise<(FaultRule & { hits: number })[]>;
  clearFaults(): Promise<void>;
  /** Ends the hub, with SIGKILL when it is to die. */
  end(signal?: NodeJS.Signals): Promise<Finished>;
  /** Starts it again at the same address. */
  begin(): Promise<void>;
}

/** `onSubmitted` hears of every job. */
export async function startHub(
  tester: Tester,
  options: HubProcessOptions,
  onSubmitted: (id: string) => void,
): Promise<HubProcess> {
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
  const violations = () => ask<Violation[]>("GET", "/violations");
  await begin();
  return {
    get endpoint() {
      return endpoint;
    },
    async submit(job, query = "") {
      const text = typeof job === "string" ? job : JSON.stringify(job);
      const { id } = await ask<JobView>("POST", `/jobs${query}`, text);
      onSubmitted(id);
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
    violations,
    async breaches() {
      return (await violations()).filter(({ rule }) => rule !== "sync-early");
    },
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
