import path from "node:path";
import type { FaultRule } from "../../plugins/hub/faults.ts";
import type { Call } from "../../plugins/hub/http/calls.ts";
import type { AgentView, JobView } from "../../plugins/hub/view.ts";
import type { Violation } from "../../plugins/hub/watch/violations.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import type { Finished, Running, Tester } from "./fixtures.ts";
import { type JobFile, toEvents, until } from "./jobs.ts";

/** The registration token of all hubs in these tests. It must not appear in any log or file. */
export const registrationToken = "registration-7f3a91c2e5";

export interface HubProcessOptions {
  /** Arguments of `signalman hub`. Default: a sync interval of 50 ms. */
  readonly hub?: readonly string[];
  /** Default: the registration token of all tests. */
  readonly token?: string;
  /** Whether the hub stores its state on disk, so that `start` restores it. */
  readonly isPersistent?: boolean;
}

/** A process of the compiled `signalman hub`, controlled by its management API. */
export interface HubProcess {
  readonly endpoint: string;
  submit(job: JobFile | string, query?: string): Promise<string>;
  job(id: string): Promise<JobView>;
  jobs(): Promise<JobView[]>;
  /** Resolves when the job's agent has reported its result or was removed. */
  done(id: string): Promise<JobView>;
  /** Resolves when an output event in the job's log contains the text. */
  shows(id: string, text: string): Promise<void>;
  log(id: string): Promise<JobEvent[]>;
  stopJob(id: string): Promise<void>;
  agents(): Promise<AgentView[]>;
  shutdownAgent(name: string): Promise<void>;
  /** Lists violations, except for the timing of syncs, which depends on the load of the machine. */
  violations(): Promise<Violation[]>;
  calls(): Promise<Call[]>;
  addFault(rule: FaultRule): Promise<number>;
  faults(): Promise<(FaultRule & { hits: number })[]>;
  clearFaults(): Promise<void>;
  /** Terminates the hub. Default: SIGTERM. */
  stop(signal?: NodeJS.Signals): Promise<Finished>;
  /** Restarts the hub at the same address. */
  start(): Promise<void>;
  /** What the hub has printed. */
  output(): string;
}

/** Starts a hub. `onSubmitted` is called with the id of every submitted job. */
export async function startHub(
  tester: Tester,
  options: HubProcessOptions,
  onSubmitted: (id: string) => void,
): Promise<HubProcess> {
  const { hub: args = [], token = registrationToken, isPersistent = false } = options;
  const storage = isPersistent ? ["--storage", path.join(tester.home, "hub")] : [];
  const interval = args.includes("--sync-interval") ? [] : ["--sync-interval", "50"];
  let running: Running;
  let endpoint = "";
  const start = async (): Promise<void> => {
    const port = endpoint === "" ? "0" : endpoint.split(":")[1]!;
    running = tester.start(["hub", "--port", port, ...interval, ...storage, ...args], {
      env: { SEMAPHORE_AGENT_TOKEN: token },
    });
    await running.shows("to start an agent: ");
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
  await start();
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
    async violations() {
      const all = await ask<Violation[]>("GET", "/violations");
      return all.filter(({ rule }) => rule !== "sync-early");
    },
    calls: () => ask("GET", "/calls"),
    addFault: async (rule) => (await ask<{ id: number }>("POST", "/faults", JSON.stringify(rule))).id,
    faults: () => ask("GET", "/faults"),
    clearFaults: () => ask("DELETE", "/faults"),
    async stop(signal = "SIGTERM") {
      running.kill(signal);
      return running.finished;
    },
    start,
    output: () => running.stdout,
  };
}
