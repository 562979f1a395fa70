import type { CoreConfig } from "./options/index.ts";
import { readCore } from "./options/read-core.ts";
import { encodeBase64 } from "../core/text/base64.ts";
import { toVariable } from "../core/config/flags.ts";
import type { JobLimits } from "../core/contracts/executor-options.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";
import type { Program } from "../core/contracts/command.ts";
import { AgentError } from "../core/errors.ts";
import type { JobSettings } from "../job/settings.ts";

/** Returns the settings of jobs as the program's options define them. */
export function toSettings(program: Program, agentId: string): JobSettings {
  const core = readCore(program);
  const secret = program.config.options.filter((option) => option.secret && !option.key.includes("."));
  return {
    agentId,
    slot: 0,
    stopGraceMs: core["stop-grace-period"] * 1000,
    stopHookMs: core["stop-hook-timeout"] * 1000,
    terminalSize: core["terminal-size"],
    logDiskLimitBytes: core["log-disk-limit"],
    jobReport: core["job-report"],
    executors: core.executors,
    limits: toLimits(core),
    ...toProvisions(core),
    env: core["env-vars"].map((text) => toVariableOfJob(text, "--env-vars")),
    secrets: program.secrets,
    secretVariables: secret.map(({ key }) => toVariable(key)),
    ...toConfigurationPath(program),
  };
}

function toConfigurationPath({ config }: Program): Pick<JobSettings, "configuration"> {
  if (config.file === undefined) return {};
  const environment = config.options.find(({ key }) => key === "config-env")?.value;
  return { configuration: { file: config.file, ...(environment ? { environment: `${environment}` } : {}) } };
}

/** Returns the limits of jobs as the options define them. */
export function toLimits(core: CoreConfig): JobLimits {
  const { "job-memory": memoryBytes, "job-cpus": cpus, "job-pids": pids } = core;
  return {
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(cpus !== undefined && { cpus }),
    ...(pids !== undefined && { pids }),
  };
}

function toProvisions(core: CoreConfig): Pick<JobSettings, "provisions"> {
  const {
    "job-ca-file": caFile,
    "job-proxy": proxy,
    "job-no-proxy": noProxy,
    "toolbox-path": toolboxPath,
  } = core;
  const provisions = {
    ...(caFile !== undefined && { caFile }),
    ...(proxy !== undefined && { proxy }),
    ...(noProxy.length > 0 && { noProxy }),
    ...(toolboxPath !== undefined && { toolboxPath }),
  };
  return Object.keys(provisions).length === 0 ? {} : { provisions };
}

/**
 * Parses `NAME=value`; the value is everything after the first `=`. It may be a secret, so that an error does
 * not show it.
 */
export function toVariableOfJob(text: string, flag: string): EnvironmentVariable {
  const at = text.indexOf("=");
  if (at < 1)
    throw new AgentError("USAGE_INVALID", `"${flag}" has no name before a "=" (expected NAME=value)`);
  return { name: text.slice(0, at), value: encodeBase64(text.slice(at + 1)) };
}
