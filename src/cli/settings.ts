import { AgentError } from "../core/errors.ts";
import { coreName, toVariable } from "../core/config/flags.ts";
import { encodeBase64 } from "../core/base64.ts";
import type { JobSettings } from "../job/settings.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";
import type { CoreConfig } from "../agent/core-options.ts";
import type { Program } from "../core/contracts/command.ts";

/** What a job is run with, out of the program's options. */
export function toSettings(program: Program, agentId: string): JobSettings {
  const core = program.config.of(coreName) as CoreConfig;
  const secret = program.config.options.filter((option) => option.secret && !option.key.includes("."));
  return {
    agentId,
    stopGraceMs: core["stop-grace-period"] * 1000,
    terminalSize: core["terminal-size"],
    logDiskLimitBytes: core["log-disk-limit"],
    jobReport: core["job-report"],
    executors: core.executors,
    env: core["env-vars"].map((text) => toVariableOfJob(text, "--env-vars")),
    secrets: program.secrets,
    secretVariables: secret.map(({ key }) => toVariable(key)),
  };
}

/** `NAME=value`; everything behind the first `=` is the value. It may be a secret, so a fault does not show it. */
export function toVariableOfJob(text: string, flag: string): EnvironmentVariable {
  const at = text.indexOf("=");
  if (at < 1)
    throw new AgentError("USAGE_INVALID", `"${flag}" has no name before a "=" (expected NAME=value)`);
  return { name: text.slice(0, at), value: encodeBase64(text.slice(at + 1)) };
}
