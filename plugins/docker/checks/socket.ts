import type { CheckContext, Finding } from "signalman";
import { findCore } from "signalman/host";
import type { DockerConfig } from "../config.ts";

export const socketRisk =
  "docker-mount-socket is set together with shell-user: every job in containers has root's rights on this host";
export const socketRemedy = "remove docker-mount-socket, unless all jobs are trusted";

/** Checks whether jobs that run as another user get the engine's socket, which gives them root's rights. */
export function checkSocket(config: CheckContext["config"], options: DockerConfig): Finding[] {
  if (!findCore(config)?.["shell-user"] || !options["mount-socket"]) return [];
  return [{ level: "warning", title: socketRisk, remedy: socketRemedy }];
}
