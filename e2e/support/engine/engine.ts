import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { createEngineApi, type EngineApi, isAnswering } from "./api.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { makeImages } from "./images.ts";
import { needCommand } from "./packages.ts";

/**
 * A real Docker engine for tests, with the images of `images.ts`. Disposal ends it when it was started for
 * this caller.
 */
export interface Engine extends AsyncDisposable {
  readonly api: EngineApi;
  readonly socket: string;
  /** `unix://…` */
  readonly host: string;
  /** Whether another process started it. */
  readonly isShared: boolean;
}

/** Names the socket of an engine that is there already, for all processes of a test run. */
export const engineVariable = "SIGNALMAN_TEST_ENGINE";

/** Uses the engine of this test run, else one that runs on this machine, else starts one. */
export async function openEngine(): Promise<Engine> {
  const known = [process.env[engineVariable], localSocket(), "/var/run/docker.sock", ownSocket()];
  for (const socket of known) {
    if (socket !== undefined && (await isAnswering(socket))) return prepare(socket);
  }
  await needCommand("dockerd", "docker.io");
  await needCommand("iptables", "iptables");
  // A daemon that was killed with its networks half written cannot read them again, and its jobs are gone.
  await rm(path.join(engineDirectory(), "data/network"), { recursive: true, force: true });
  return prepare(undefined, await startDaemon({ directory: engineDirectory() }));
}

/** Where engines of tests keep what is expensive to make. */
export function engineCache(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "signalman-test-engine");
}

async function prepare(shared: string | undefined, daemon?: Daemon): Promise<Engine> {
  const socket = shared ?? daemon!.socket;
  const api = createEngineApi(socket);
  try {
    await makeImages(api, path.join(engineCache(), "roots"));
  } catch (error) {
    await daemon?.[Symbol.asyncDispose]();
    throw error;
  }
  return {
    api,
    socket,
    host: `unix://${socket}`,
    isShared: daemon === undefined,
    [Symbol.asyncDispose]: async () => daemon?.[Symbol.asyncDispose](),
  };
}

function engineDirectory(): string {
  return path.join(engineCache(), "engine");
}

function ownSocket(): string {
  return path.join(engineDirectory(), "docker.sock");
}

function localSocket(): string | undefined {
  const host = process.env.DOCKER_HOST ?? "";
  return host.startsWith("unix://") ? host.slice("unix://".length) : undefined;
}
