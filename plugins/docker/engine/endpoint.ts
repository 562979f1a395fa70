import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { DockerOptions } from "dockerode";
import { AgentError, isAgentError, toMessage } from "signalman";
import { readHostFile } from "signalman/host";

type Environment = Readonly<Record<string, string | undefined>>;

/** Address of a Docker engine. */
export interface EngineEndpoint {
  /** Address in the form of `DOCKER_HOST`: `unix:///var/run/docker.sock`. */
  readonly host: string;
  /** The engine's socket on this host; `undefined` for an engine that is reached over the network. */
  readonly socketPath: string | undefined;
  readonly connection: DockerOptions;
}

/**
 * Finds the engine as the `docker` command does: `DOCKER_HOST` with `DOCKER_TLS_VERIFY` and
 * `DOCKER_CERT_PATH`, the context of `DOCKER_CONTEXT` or of the configuration, the system's socket, and the
 * socket of a rootless engine.
 */
export function findEndpoint(env: Environment): EngineEndpoint {
  const host = env["DOCKER_HOST"];
  if (host) {
    const wantsTls = !!env["DOCKER_TLS_VERIFY"];
    return toEndpoint(host, wantsTls ? readCertificates(certificateDirectory(env)) : undefined);
  }
  const directory = configurationDirectory(env);
  const context = env["DOCKER_CONTEXT"] || readConfiguration(directory).currentContext;
  if (context && context !== "default") return readContext(directory, context);
  const socket = defaultSockets(env).find((path) => existsSync(path)) ?? systemSocket;
  return toEndpoint(`unix://${socket}`);
}

/** Returns the directory of the user's docker configuration. */
export function configurationDirectory(env: Environment): string {
  return env["DOCKER_CONFIG"] || join(env["HOME"] || homedir(), ".docker");
}

interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const systemSocket = "/var/run/docker.sock";

function defaultSockets(env: Environment): string[] {
  const runtime = env["XDG_RUNTIME_DIR"];
  const home = env["HOME"] || homedir();
  return [
    systemSocket,
    ...(runtime ? [join(runtime, "docker.sock")] : []),
    join(home, ".docker/run/docker.sock"),
  ];
}

function toEndpoint(host: string, certificates?: Certificates): EngineEndpoint {
  const [, scheme = "tcp", rest = ""] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(host) ?? [];
  if (scheme === "unix") {
    const socketPath = rest || systemSocket;
    return { host: `unix://${socketPath}`, socketPath, connection: { socketPath } };
  }
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
  if (!["tcp", "http", "https"].includes(scheme) || !url?.hostname) {
    throw new AgentError(
      "CONFIG_INVALID",
      `the Docker engine's address "${host}" is not supported (expected unix:///path or tcp://host:port)`,
    );
  }
  const isTls = certificates !== undefined || scheme === "https";
  const port = Number(url.port) || (isTls ? 2376 : 2375);
  return {
    host: `${scheme}://${url.hostname}:${port}`,
    socketPath: undefined,
    connection: { host: url.hostname, port, protocol: isTls ? "https" : "http", ...certificates },
  };
}

/** Reads a context of `docker context`, whose directory is the SHA-256 of its name. */
function readContext(directory: string, name: string): EngineEndpoint {
  const id = createHash("sha256").update(name).digest("hex");
  const file = join(directory, "contexts/meta", id, "meta.json");
  const host = readJson<ContextFile>(file)?.Endpoints?.docker?.Host;
  if (!host) {
    const title = `docker context "${name}" not found in "${directory}"`;
    throw new AgentError("CONFIG_INVALID", `${title}: list the contexts with \`docker context ls\``);
  }
  const tls = join(directory, "contexts/tls", id, "docker");
  return toEndpoint(host, existsSync(tls) ? readCertificates(tls) : undefined);
}

interface ContextFile {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string } };
}

function readConfiguration(directory: string): { readonly currentContext?: string } {
  return readJson<{ currentContext?: string }>(join(directory, "config.json")) ?? {};
}

function certificateDirectory(env: Environment): string {
  return env["DOCKER_CERT_PATH"] || configurationDirectory(env);
}

function readCertificates(directory: string): Certificates {
  const read = (name: string) => {
    try {
      return readHostFile(join(directory, name)).toString();
    } catch (cause) {
      const path = join(directory, name);
      throw new AgentError("CONFIG_INVALID", `certificate "${path}" of the Docker engine cannot be read`, {
        cause,
      });
    }
  };
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

/**
 * Returns `undefined` for a file that is missing or not JSON. Throws `CONFIG_INVALID` for a file that the
 * agent must not read.
 */
function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readHostFile(path).toString()) as T;
  } catch (cause) {
    if (!isAgentError(cause, "FILE_FAILED")) return undefined;
    const message = `the Docker configuration "${path}" cannot be read: ${toMessage(cause)}; remove it, or set DOCKER_CONFIG`;
    throw new AgentError("CONFIG_INVALID", message, { cause });
  }
}
