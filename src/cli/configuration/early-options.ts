import { resolve } from "node:path";
import { peekFlags } from "../../core/config/arguments.ts";
import { toVariable } from "../../core/config/flags.ts";
import { parseBoolean } from "../../core/config/values.ts";

/** The options that decide how the configuration is read, and so are needed before it. A file cannot set them. */
export interface EarlyOptions {
  /** Path of the configuration file that the command line names. */
  readonly configFile: string | undefined;
  /** Name of the environment in the configuration file. */
  readonly configEnv: string | undefined;
  readonly logLevel: string | undefined;
  readonly hasShellUser: boolean;
  readonly allowsWritableConfiguration: boolean;
}

export interface EarlySources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Reads the early options from the command line and the environment. */
export function readEarlyOptions({ argv, env, cwd }: EarlySources): EarlyOptions {
  const given = peekFlags(argv, {
    "config-file": "string",
    "config-env": "string",
    "log-level": "string",
    "shell-user": "string",
    "allow-writable-configuration": "boolean",
  });
  const find = (name: string) => given.get(name) ?? env[toVariable(name)];
  const configFile = given.get("config-file") || undefined;
  return {
    configFile: configFile && resolve(cwd, configFile),
    configEnv: given.get("config-env") || env[toVariable("config-env")] || undefined,
    logLevel: find("log-level"),
    hasShellUser: Boolean(given.get("shell-user") || env[toVariable("shell-user")]),
    allowsWritableConfiguration: parseBoolean(find("allow-writable-configuration") ?? "") ?? false,
  };
}
