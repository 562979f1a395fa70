import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { AgentError, toMessage } from "signalman";
import { findOwnershipFault, readHolder, takeLock } from "signalman/host";
import { createStorage, type Storage } from "unstorage";
import { createLog, type JobLog } from "../model/log.ts";
import type { AgentRow, Job } from "../model/state.ts";
import type { Violation } from "../watch/violations.ts";
import { durableDriver } from "./durable-driver.ts";
import { createStore, memoryStore, type Store } from "./store.ts";

/** The stored state of a hub. */
export interface Loaded {
  readonly store: Store;
  readonly identity: Identity;
  readonly agents: Map<string, AgentRow>;
  /** In submission order. */
  readonly jobs: Map<string, Job>;
  readonly logs: Map<string, JobLog>;
  readonly violations: Violation[];
  /** Releases the lock of the directory. */
  release(): void;
}

/** The hub's token and signing key, which are stored so that tokens stay valid after a restart. */
export interface Identity {
  readonly version: 1;
  readonly token: string;
  readonly secret: string;
}

/**
 * Loads the state from a directory, or creates an empty one. `token` takes precedence over the stored token.
 */
export async function loadStorage(given: string | undefined, token: string | undefined): Promise<Loaded> {
  const fresh: Identity = {
    version: 1,
    token: token ?? randomBytes(16).toString("hex"),
    secret: randomBytes(32).toString("hex"),
  };
  if (given === undefined) {
    const empty = { agents: new Map(), jobs: new Map(), logs: new Map(), violations: [], release() {} };
    return { store: memoryStore, identity: fresh, ...empty };
  }
  // The driver removes `..` from its path: the same directory is examined and locked.
  const directory = resolve(given);
  assertOwn(directory);
  let release = (): void => {};
  try {
    const storage = createStorage({ driver: durableDriver(directory) });
    release = lock(directory);
    return { ...(await loadFrom(storage, directory, token, fresh)), release };
  } catch (error) {
    release();
    if (error instanceof AgentError) throw error;
    throw new AgentError("FILE_FAILED", `opening the storage "${directory}" failed: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

/** The directory holds the token and the signing key: other users could read or replace them. */
function assertOwn(directory: string): void {
  const fault = findOwnershipFault(directory, { option: "--storage" });
  if (fault === undefined) return;
  const message = `storage "${directory}" can be changed by other users: ${fault.reason}; ${fault.remedy}`;
  throw new AgentError("FILE_FAILED", message);
}

/**
 * Locks the directory, since two hubs would overwrite each other's files. The end of the process releases the
 * lock.
 */
function lock(directory: string): () => void {
  const path = join(realpathSync(directory), "lock");
  const taken = takeLock(path);
  if (taken !== undefined) return () => taken[Symbol.dispose]();
  const pid = readHolder(path)?.pid ?? "unknown";
  throw new AgentError(
    "FILE_FAILED",
    `storage "${directory}" is in use by another hub (pid ${pid}): stop that hub, or choose another directory`,
  );
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
      `storage "${directory}" has an unsupported version: choose another directory`,
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
