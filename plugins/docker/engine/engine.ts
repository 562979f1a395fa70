import type Docker from "dockerode";
import { AgentError } from "signalman";
import type { EngineEndpoint } from "./endpoint.ts";
import { toEngineError, withTimeout } from "./errors.ts";

/** A connection to a Docker engine. */
export interface Engine {
  readonly docker: Docker;
  readonly endpoint: EngineEndpoint;
  readonly version: string;
  readonly apiVersion: string;
  /** Time-out of a call, in milliseconds. */
  readonly timeoutMs: number;
  /** Resolves to the engine's cgroup driver and version. The result of the first call is cached. */
  cgroups(): Promise<EngineCgroups>;
  /** Adds the time-out and a readable error to a call. `what` completes "cannot …" in the message. */
  call<T>(what: string, work: Promise<T>): Promise<T>;
}

export interface EngineCgroups {
  /** `cgroupfs`, `systemd`, or `none`: a rootless engine without limits and accounting. */
  readonly driver: string;
  readonly version: "1" | "2";
}

/** Connects to the engine. Throws `DOCKER_FAILED` with a remedy. */
export async function connectEngine(
  endpoint: EngineEndpoint,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<Engine> {
  const { default: Client } = await import("dockerode");
  const unversioned = new Client(endpoint.connection);
  const call = async <T>(what: string, work: Promise<T>): Promise<T> => {
    try {
      return await withTimeout(work, timeoutMs);
    } catch (error) {
      throw toEngineError(error, what, endpoint);
    }
  };
  const version = await call("connect to the Docker engine", unversioned.version());
  if (compare(version.ApiVersion, oldestApi) < 0) {
    const title = `the Docker engine at "${endpoint.host}" is too old: version ${version.Version}, API ${version.ApiVersion}`;
    throw new AgentError("DOCKER_FAILED", `${title} (expected API ${oldestApi}, Docker 19.03, or newer)`);
  }
  const docker = new Client({ ...endpoint.connection, version: `v${chooseApi(version)}` });
  let cgroups: Promise<EngineCgroups> | undefined;
  return {
    docker,
    endpoint,
    version: version.Version,
    apiVersion: version.ApiVersion,
    timeoutMs,
    cgroups: () => (cgroups ??= call("read the engine's information", docker.info()).then(toCgroups)),
    call,
  };
}

function toCgroups(info: unknown): EngineCgroups {
  const { CgroupDriver: driver = "", CgroupVersion: version } = info as {
    CgroupDriver?: string;
    CgroupVersion?: string;
  };
  return { driver, version: version === "2" ? "2" : "1" };
}

/** Docker 19.03, the oldest engine that supports all features of jobs. */
export const oldestApi = "1.40";
/** The newest tested version. Newer engines still support it. */
const newestApi = "1.47";

function chooseApi({ ApiVersion, MinAPIVersion }: { ApiVersion: string; MinAPIVersion?: string }): string {
  if (MinAPIVersion && compare(MinAPIVersion, newestApi) > 0) return MinAPIVersion;
  return compare(ApiVersion, newestApi) < 0 ? ApiVersion : newestApi;
}

export function compare(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA - majorB || minorA - minorB;
}
