import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AgentError, readHolder, takeLock, toMessage } from "signalman";
import { createStorage, type Storage } from "unstorage";
import { createLog, type JobLog } from "../model/log.ts";
import type { AgentRow, Job } from "../model/state.ts";
import type { Violation } from "../watch/violations.ts";
import { durableDriver } from "./durable-driver.ts";
import { createStore, forgetfulStore, type Store } from "./store.ts";

/** What a hub knew before. */
export interface Loaded {
  readonly store: Store;
  readonly identity: Identity;
  readonly agents: Map<string, AgentRow>;
  /** In submission order. */
  readonly jobs: Map<string, Job>;
  readonly logs: Map<string, JobLog>;
  readonly violations: Violation[];
  /** Lets go of the directory. */
  release(): void;
}

/** Kept, so that tokens outlive the process. */
export interface Identity {
  readonly version: 1;
  readonly token: string;
  readonly secret: string;
}

/** Reads the directory, or begins with nothing. A token that is given wins over the one that was kept. */
export async function load(directory: string | undefined, token: string | undefined): Promise<Loaded> {
  const fresh: Identity = {
    version: 1,
    token: token ?? randomBytes(16).toString("hex"),
    secret: randomBytes(32).toString("hex"),
  };
  if (directory === undefined) {
    const nothing = { agents: new Map(), jobs: new Map(), logs: new Map(), violations: [], release() {} };
    return { store: forgetfulStore, identity: fresh, ...nothing };
  }
  let release = (): void => {};
  try {
    const storage = createStorage({ driver: durableDriver(directory) });
    release = lock(directory);
    return { ...(await loadFrom(storage, directory, token, fresh)), release };
  } catch (error) {
    release();
    if (error instanceof AgentError) throw error;
    throw new AgentError("FILE_FAILED", `the storage "${directory}" cannot be used: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

/** Two hubs would write over each other. Whatever ends this one frees it. */
function lock(directory: string): () => void {
  const path = join(directory, "lock");
  const taken = takeLock(path);
  if (taken !== undefined) return () => taken[Symbol.dispose]();
  const pid = readHolder(path)?.pid ?? "unknown";
  throw new AgentError("FILE_FAILED", `the storage "${directory}" is in use by the hub with the pid ${pid}`);
}

async function loadFrom(
  storage: Storage,
  directory: string,
  token: string | undefined,
  fresh: Identity,
): Promise<Omit<Loaded, "release">> {
  const store = createStore({
    write: (key, bytes) => storage.setItemRaw(key, bytes),
    remove: (key) => storage.removeItem(key),
  });
  const kept = (await readAll<Identity>(storage, "identity"))[0];
  if (kept !== undefined && kept.version !== 1) {
    throw new AgentError(
      "FILE_FAILED",
      `the storage "${directory}" was written by another version of the hub`,
    );
  }
  const identity = kept === undefined ? fresh : { ...kept, token: token ?? kept.token };
  store.put("identity", identity);
  await store.commit();

  const agents = await readAll<AgentRow>(storage, "agents");
  const jobs = (await readAll<Job>(storage, "jobs")).sort((a, b) => a.number - b.number);
  const violations = (await readAll<Violation>(storage, "violations")).sort((a, b) => a.number - b.number);
  const logs = new Map<string, JobLog>();
  for (const { id } of jobs) {
    const keys = (await storage.getKeys(`logs:${id}`)).sort();
    if (keys.length > 0)
      logs.set(id, createLog(id, store, await Promise.all(keys.map((key) => read(storage, key)))));
  }
  return {
    store,
    identity,
    agents: new Map(agents.map((row) => [row.id, row])),
    jobs: new Map(jobs.map((job) => [job.id, job])),
    logs,
    violations,
  };
}

async function readAll<T>(storage: Storage, base: string): Promise<T[]> {
  const keys = base === "identity" ? await keysOf(storage, base) : await storage.getKeys(base);
  return Promise.all(keys.map(async (key) => JSON.parse((await read(storage, key)).toString()) as T));
}

async function keysOf(storage: Storage, key: string): Promise<string[]> {
  return (await storage.hasItem(key)) ? [key] : [];
}

async function read(storage: Storage, key: string): Promise<Buffer> {
  return Buffer.from((await storage.getItemRaw<Uint8Array>(key))!);
}
