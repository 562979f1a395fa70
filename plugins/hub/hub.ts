import { AgentError, type JobBoard } from "signalman";
import { createBoard } from "./board.ts";
import { type Changes, createChanges } from "./changes.ts";
import type { Hub, HubOptions } from "./contract.ts";
import { createFaults, type Faults } from "./faults.ts";
import type { AgentApi } from "./http/agent-api.ts";
import { createCalls } from "./http/calls.ts";
import { type HubServer, startServer } from "./http/server.ts";
import { createJobControl } from "./job-control.ts";
import { readLog } from "./log-text.ts";
import { clean } from "./model/cleaner.ts";
import { createRateBucket } from "./model/rate-bucket.ts";
import type { HubState } from "./model/state.ts";
import { toSettings } from "./settings.ts";
import { type Loaded, loadStorage } from "./storage/load-storage.ts";
import { viewAgent, viewJob } from "./view.ts";
import { createAgentWatch } from "./watch/agent-watch.ts";
import { createLogWatch } from "./watch/log-watch.ts";
import { createViolations, type Violations } from "./watch/violations.ts";

/** Starts a control plane in this process. */
export async function createHub(options: HubOptions = {}): Promise<Hub> {
  const loaded = await loadStorage(options.storage, options.token);
  const state = createState(options, loaded);
  const changes = createChanges();
  const violations = createViolations(state.store, state.now, loaded.violations);
  const api = createAgentApi(options, { state, changes, violations, origin: () => hub.url });
  const server = await startServer(api, { listen: options.listen, findHub: () => hub }).catch(
    (error: unknown) => {
      loaded.release();
      throw error;
    },
  );
  const save = async (): Promise<void> => {
    await state.store.commit();
    changes.notify();
  };
  const cleaner = setInterval(() => void hub.clean().catch(() => {}), state.settings.cleanerMs);
  cleaner.unref();

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    clearInterval(cleaner);
    await server.close();
    await state.store.commit().finally(loaded.release);
  };
  const hub = assembleHub({
    state,
    changes,
    violations,
    api,
    server,
    save,
    stop: () => (stopped ??= stop()),
  });
  return hub;
}

/** The parts of a running hub. */
interface Parts {
  readonly state: HubState;
  readonly changes: Changes;
  readonly violations: Violations;
  readonly api: AgentApi;
  readonly server: HubServer;
  readonly save: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

function assembleHub({ state, changes, violations, api, server, save, stop }: Parts): Hub {
  const { endpoint, url } = server;
  let board: JobBoard | undefined;
  const hub: Hub = {
    url,
    endpoint,
    token: state.settings.token,
    violations,
    faults: api.faults,
    calls: api.calls.list,
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
    job(id) {
      const job = state.jobs.get(id);
      return job && viewJob(state, job);
    },
    log: (id) => readLog(state, id),
    ...createJobControl(state, { origin: url, save }),
    until: changes.until,
    get board() {
      return (board ??= createBoard(hub, state));
    },
    done: (id, signal) =>
      changes.until(() => {
        const view = hub.job(id);
        if (view === undefined) throw new AgentError("JOB_INVALID", `job "${id}" not found`);
        return view.isDone ? view : undefined;
      }, signal),
    async clean() {
      for (const cleaned of clean(state)) api.agentWatch.cleaned(cleaned);
      await save();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return hub;
}

function createState(options: HubOptions, loaded: Loaded): HubState {
  const { now = Date.now, random = Math.random, quota = 1000 } = options;
  const { store, agents, jobs, logs, identity } = loaded;
  const settings = toSettings({ ...options, token: identity.token });
  return { settings, secret: identity.secret, store, now, random, quota, agents, jobs, logs };
}

function createAgentApi(
  { fetchSigned = fetch }: HubOptions,
  {
    state,
    changes,
    violations,
    origin,
  }: Pick<Parts, "state" | "changes" | "violations"> & Pick<AgentApi, "origin">,
): AgentApi {
  const { settings, now } = state;
  return {
    state,
    faults: notifyOfRemovals(createFaults(now), changes),
    changes,
    calls: createCalls(),
    bucket: createRateBucket(settings.generation === "new" ? settings.rateLimit : undefined, now),
    fetchSigned,
    agentWatch: createAgentWatch(state, violations),
    logWatch: createLogWatch(state, violations),
    origin,
  };
}

/** Notifies of removed rules, so that requests that such a rule holds back continue. */
function notifyOfRemovals(faults: Faults, changes: Changes): Faults {
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
