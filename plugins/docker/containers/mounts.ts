import { existsSync } from "node:fs";
import { AgentError, type ExecutorContext } from "signalman";
import type { DockerConfig } from "../config.ts";
import type { EngineEndpoint } from "../engine/endpoint.ts";
import type { HostMount } from "./spec.ts";

const socketInContainer = "/var/run/docker.sock";

/**
 * Lists the host files to mount into the first container: the option `files`, and the engine's socket
 * (protocol section 6.3).
 */
export function toMounts(
  options: DockerConfig,
  endpoint: EngineEndpoint,
  { logger, options: { user } }: Pick<ExecutorContext, "logger" | "options">,
): HostMount[] {
  const files = options.files.map((text) => {
    const [source = "", target = ""] = text.split(":");
    return { source, target };
  });
  // For an engine on another host, the paths are those of that host.
  const missing = endpoint.socketPath === undefined ? [] : files.filter(({ source }) => !existsSync(source));
  if (missing.length > 0 && options["fail-on-missing-files"]) {
    const paths = missing.map(({ source }) => `"${source}"`).join(", ");
    throw new AgentError("DOCKER_FAILED", `files of the option "files" not found on this host: ${paths}`);
  }
  for (const { source } of missing) logger.warn(`file "${source}" not found on this host: it is not mounted`);
  const socket = { source: endpoint.socketPath ?? socketInContainer, target: socketInContainer };
  // Access to the engine gives a job root's rights on this host, so that `user` would have no effect.
  const hasSocket = options["mount-socket"] ?? user === undefined;
  return [...(hasSocket ? [socket] : []), ...files.filter((file) => !missing.includes(file))];
}
