import { AgentError } from "../../core/errors.ts";
import type { Service } from "./contract.ts";
import { findLaunchd } from "./launchd.ts";
import { findSystemd } from "./systemd.ts";

/** Throws `PROGRAM_FAILED` where there is neither systemd nor launchd. */
export function findService(): Service {
  const service = process.platform === "darwin" ? findLaunchd() : findSystemd();
  if (service) return service;
  throw new AgentError(
    "PROGRAM_FAILED",
    "this machine has no service manager that is supported: systemd or launchd",
  );
}
