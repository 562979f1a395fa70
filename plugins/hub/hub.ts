import { createServer } from "node:http";
import { AgentError, parseJobRequest, toMessage } from "signalman";
import { type Changes, createChanges } from "./changes.ts";
import type { Hub, HubOptions } from "./contract.ts";
import { createFaults, type Faults } from "./faults.ts";
import { type AgentApi, handleAgentCall, isAgentPath } from "./http/agent-api.ts";
import { createCalls } from "./http/calls.ts";
import { createExchange } from "./http/exchange.ts";
import { listen } from "./http/listen.ts";
import { handlePush, isLogPath } from "./http/log-api.ts";
import { handleManagement } from "./http/management.ts";
import { clean } from "./model/cleaner.ts";
import { stopJob, submit, submitAsItIs } from "./model/jobs.ts";
import { createRateBucket } from "./model/rate-bucket.ts";
import { type HubState, type Job, saveAgent } from "./model/state.ts";
import { readLog } from "./raw-log.ts";
import { toSettings } from "./settings.ts";
import { load } from "./storage/load.ts";
import { viewAgent, viewJob } from "./view.ts";
import { createAgentWatch } from "./watch/agent-watch.ts";
import { createLogWatch } from "./watch/log-watch.ts";
import { createViolations } from "./watch/violations.ts";

/** Starts a control plane in this process. */
export async function createHub(options: HubOptions = {}): Promise<Hub> {
  const { now = Date.now, random = Math.random, fetchSigned = fetch } = options;
  const loaded = await load(options.storage, options.token);
  const settings = toSettings({ ...options, token: loaded.identity.token });
  const { secret } = loaded.identity;
  const { store, agents, jobs, logs } = loaded;
  const quota = options.quota ?? 1000;
  const state: HubState = { settings, secret, store, now, random, quota, agents, jobs, logs };
  const changes = createChanges();
  const violations = createViolations(state.store, now, loaded.violations);
  const faults = announce(createFaults(now), changes);
  const calls = createCalls();
  const bucket = createRateBucket(settings.generation === "new" ? settings.rateLimit : undefined, now);
  const api: AgentApi = {
    state,
    faults,
    changes,
    calls,
    bucket,
    fetchSigned,
    agentWatch: createAgentWatch(state, violations),
    logWatch: createLogWatch(state, violations),
    origin: () => hub.url,
  };
  const save = async (): Promise<void> => {
    await state.store.commit();
    changes.notify();
  };

  const server = createServer((request, response) => {
    const exchange = createExchange(request, response);
    const { path } = exchange;
    const handled = isAgentPath(path)
      ? handleAgentCall(exchange, api)
      : isLogPath(path)
        ? handlePush(exchange, api)
        : handleManagement(exchange, { hub, state, changes });
    handled.catch((error: unknown) => exchange.send(500, {}, toMessage(error)).catch(exchange.drop));
  });
  server.keepAliveTimeout = 75_000;
  const cleaner = setInterval(() => void hub.clean().catch(() => {}), settings.cleanerMs);
  cleaner.unref();

  const { hostname = "127.0.0.1", port = 0 } = options.listen ?? {};
  const bound = await listen(server, hostname, port).catch((error: unknown) => {
    clearInterval(cleaner);
    loaded.release();
    throw error;
  });
  const host = ["0.0.0.0", "::", ""].includes(hostname) ? "127.0.0.1" : hostname;
  const endpoint = `${host.includes(":") ? `[${host}]` : host}:${bound}`;
  const jobOf = (id: string): Job | undefined => state.jobs.get(id);
  const checkId = (id: string | undefined): void => {
    if (id !== undefined && state.jobs.has(id))
      throw new AgentError("JOB_INVALID", `there is a job "${id}" already`);
  };

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    clearInterval(cleaner);
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    await state.store.commit().finally(loaded.release);
  };

  const hub: Hub = {
    url: `http://${endpoint}`,
    endpoint,
    token: settings.token,
    violations,
    faults,
    calls: calls.list,
    get quota() {
      return state.quota;
    },
    set quota(quota) {
      state.quota = quota;
    },
    get jobs() {
      return [...state.jobs.values()].map((job) => viewJob(state, job));
    },
    get agents() {
      return [...state.agents.values()].map((row) => viewAgent(state, row));
    },
    job: (id) => jobOf(id) && viewJob(state, jobOf(id)!),
    log: (id) => readLog(state, id),
    async submit(job, submitOptions = {}) {
      const { name = "job request" } = submitOptions;
      const request = typeof job === "string" ? (await parseJobRequest(job, { name })).request : job;
      checkId(submitOptions.id);
      const queued = submit(state, request, { ...submitOptions, origin: hub.url });
      await save();
      return viewJob(state, queued);
    },
    async submitAsItIs(job, submitOptions = {}) {
      checkId(submitOptions.id);
      const queued = submitAsItIs(state, job, { ...submitOptions, origin: hub.url });
      await save();
      return viewJob(state, queued);
    },
    async stopJob(id) {
      const job = jobOf(id);
      if (job === undefined || job.state === "finished") return false;
      stopJob(state, job);
      await save();
      return true;
    },
    async shutdownAgent(name) {
      const row = [...state.agents.values()].find((agent) => agent.name === name);
      if (row === undefined) return false;
      row.disabledAt ??= now();
      saveAgent(state, row);
      await save();
      return true;
    },
    until: changes.until,
    done: (id, signal) =>
      changes.until(() => {
        const view = hub.job(id);
        if (view === undefined) throw new AgentError("JOB_INVALID", `there is no job "${id}"`);
        return view.isDone ? view : undefined;
      }, signal),
    async clean() {
      for (const cleaned of clean(state)) api.agentWatch.cleaned(cleaned);
      await save();
    },
    stop: () => (stopped ??= stop()),
    [Symbol.asyncDispose]: () => hub.stop(),
  };
  return hub;
}

/** Whoever is held by a rule wakes up when it goes. */
function announce(faults: Faults, changes: Changes): Faults {
  return {
    ...faults,
    remove(id) {
      const isRemoved = faults.remove(id);
      changes.notify();
      return isRemoved;
    },
    clear() {
      faults.clear();
      changes.notify();
    },
  };
}
