import { type Check, coreName } from "signalman";
import type { NamedCheck } from "../examine.ts";
import { toExecutorsCheck } from "./executors.ts";
import { limits } from "./limits.ts";
import { logFile, stateDirectory, temporaryDirectory } from "./places.ts";
import { service } from "./service.ts";

/** The checks of what an agent needs whatever its plugins are. `faults` are those of the configuration, `executors` what plugins provide. */
export function toCoreChecks(faults: readonly string[], executors: readonly string[]): readonly NamedCheck[] {
  const checks: Readonly<Record<string, Check>> = {
    configuration: toConfigurationCheck(faults),
    executors: toExecutorsCheck(executors),
    machine: limits,
    "state-directory": stateDirectory,
    "temporary-directory": temporaryDirectory,
    "log-file": logFile,
    service,
  };
  return Object.entries(checks).map(([name, check]) => ({ name, check, owner: coreName }));
}

function toConfigurationCheck(faults: readonly string[]): Check {
  return {
    run: ({ config }) =>
      faults.length === 0
        ? [{ level: "ok", title: config.file ? `configuration: "${config.file}"` : "configuration: no file" }]
        : faults.map((fault) => {
            const [title = "", ...more] = fault.split("\n");
            return {
              level: "error",
              title,
              ...(more.length > 0 && { detail: more.join("\n") }),
              remedy:
                "correct it, since no agent starts with it; docs/configuration.md tells what each option takes",
            };
          }),
  };
}
