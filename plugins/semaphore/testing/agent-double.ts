import type { Logger, StopReason, SyncOutcome } from "signalman";
import {
  createDummyAdmission,
  createDummyJobs,
  createDummySignals,
  createDummyState,
  type DummyAdmission,
  type DummyJobs,
  type DummyJobsOptions,
  type DummySignals,
} from "signalman/testing";
import * as v from "valibot";
import { config as schema } from "../config.ts";
import { type Answer, type Call, type HubDouble, shutdown, sync } from "./hub-double.ts";
import { createSemaphoreSource } from "../source.ts";

export interface RunAgentOptions extends DummyJobsOptions {
  readonly config?: v.InferInput<typeof schema>;
  /** The slot is paused from the start. */
  readonly isPaused?: boolean;
  readonly state?: ReturnType<typeof createDummyState>;
  readonly env?: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export interface AgentDouble extends Omit<DummySignals, "signals">, Omit<DummyAdmission, "admission"> {
  readonly jobs: DummyJobs;
  readonly state: ReturnType<typeof createDummyState>;
  readonly names: readonly string[];
  readonly drains: readonly StopReason[];
  readonly synced: readonly SyncOutcome[];
  /** The reason of the shutdown. */
  readonly reason: Promise<StopReason>;
}

export const registrationToken = "registration-token-of-the-test";

/** Runs the job source against a hub, with short limits and its state in memory. */
export function startAgent(hub: Pick<HubDouble, "endpoint">, options: RunAgentOptions): AgentDouble {
  const { state = createDummyState(), env = {}, logger } = options;
  const names: string[] = [];
  const drains: StopReason[] = [];
  const synced: SyncOutcome[] = [];
  const jobs = createDummyJobs(options);
  const { signals, ...controls } = createDummySignals();
  const door = createDummyAdmission();
  if (options.isPaused) door.pause();
  const config = v.parse(schema, {
    endpoint: hub.endpoint,
    "no-https": true,
    token: registrationToken,
    ...shortLimits,
    ...options.config,
  });
  const source = createSemaphoreSource({ config, env, argv: [] });
  const reason = source.run({
    version: "v1.2.3",
    slot: 0,
    slots: 1,
    logger,
    state,
    jobs,
    signals,
    admission: door.admission,
    registered: async (name) => void names.push(name),
    synced: (outcome) => void synced.push(outcome),
    draining: async (why) => void drains.push(why),
  });
  // A test that ends early does not await the reason.
  reason.catch(() => {});
  return {
    ...controls,
    pause: door.pause,
    resume: door.resume,
    get isDisconnected() {
      return door.isDisconnected;
    },
    jobs,
    state,
    names,
    drains,
    synced,
    reason,
  };
}

export const jobId = "11111111-2222-4333-8444-555555555555";

/** An answer of the hub that contains a job request. */
export function wireJob(more: Readonly<Record<string, unknown>> = {}): Answer {
  return {
    body: {
      job_id: jobId,
      job_name: "build",
      commands: [{ directive: "echo hello" }],
      env_vars: [{ name: "A", value: "MQ==" }],
      files: [],
      logger: { method: "push", url: "https://example.test/api/v1/logs/1", token: "log-token" },
      ...more,
    },
  };
}

export const runJob = sync("run-job", { job_id: jobId });

/** Answers of a hub with one job: continue, then shut down after the result. */
export const afterJob = (reason: string) => (call: Call) =>
  call.body["state"] === "finished-job" ? shutdown(reason) : sync("continue");

/** All messages of a log, one per line. */
export function messages({ entries }: { readonly entries: readonly { readonly message: string }[] }): string {
  return entries.map(({ message }) => message).join("\n");
}

export const shortLimits = {
  "register-interval": 0.005,
  "get-job-interval": 0.005,
  "disconnect-interval": 0.005,
  "request-timeout": 2,
  "sync-interval-min": 0.01,
  "sync-interval-max": 0.02,
};
