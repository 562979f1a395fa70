import type { Check } from "signalman";
import { findCore, coreName } from "signalman/host";
import type { NamedCheck } from "../run-checks.ts";
import { toExecutorsCheck } from "./executors.ts";
import { jobUser } from "./job-user.ts";
import { limits } from "./limits.ts";
import { logFile } from "./log-file.ts";
import { programFile } from "./program-file.ts";
import { service } from "./service.ts";
import { stateDirectory } from "./state-directory.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/**
 * The checks that every agent needs. `faults`: those of the configuration. `executors`: the executors that
 * plugins provide.
 */
export function toCoreChecks(faults: readonly string[], executors: readonly string[]): readonly NamedCheck[] {
  const checks: Readonly<Record<string, Check>> = {
    configuration: toConfigurationCheck(faults),
    "writable-configuration": writableConfiguration,
    program: programFile,
    executors: toExecutorsCheck(executors),
    machine: limits,
    "job-user": jobUser,
    "state-directory": stateDirectory,
    "temporary-directory": temporaryDirectory,
    "log-file": logFile,
    service,
  };
  return Object.entries(checks).map(([name, check]) => ({ name, check, owner: coreName }));
}

function toConfigurationCheck(faults: readonly string[]): Check {
  return {
    run({ config }) {
      if (faults.length === 0) {
        return [
          { level: "ok", title: config.file ? `configuration: "${config.file}"` : "configuration: no file" },
        ];
      }
      return faults.map((fault) => {
        const [title = "", ...more] = fault.split("\n");
        return {
          level: "error",
          title,
          ...(more.length > 0 && { detail: more.join("\n") }),
          remedy:
            "correct it: the agent does not start with it; docs/configuration.md describes every option",
        };
      });
    },
  };
}

const writableConfiguration: Check = {
  run({ config }) {
    const core = findCore(config);
    if (core?.["allow-writable-configuration"] !== true) return [];
    return [
      {
        level: "warning",
        title:
          "allow-writable-configuration is set: the agent executes configuration, plugins and scripts that other users may write",
        remedy: "remove the option, and correct the owners and modes of the files that doctor then names",
      },
    ];
  },
};
