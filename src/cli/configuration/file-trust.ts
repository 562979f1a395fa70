import { homedir } from "node:os";
import type { DeclaredOptions, EffectiveConfig } from "../../core/contracts/options.ts";
import { AgentError } from "../../core/errors.ts";
import { createWriterSearch, type Writer } from "../../os/file-trust/find-writer.ts";
import { toAbsolute } from "../../os/file-trust/path-steps.ts";
import { findReadOnlyMounts } from "../../os/file-trust/mountinfo.ts";
import { trustUsers } from "../../os/file-trust/trusted-users.ts";
import type { EarlyOptions } from "./early-options.ts";
import { listImportedFiles } from "./imported-files.ts";

/** Decides which files an agent may execute. */
export interface FileTrust {
  /** Throws `CONFIG_INVALID` for a configuration file that others may write. */
  assertConfiguration(path: string): void;
  /** Throws `CONFIG_INVALID` for a plugin that others may write. */
  assertPlugin(path: string, specifier: string): void;
  /** Returns a fault for each script that an option names and that others may write. */
  findScriptFaults(declared: readonly DeclaredOptions[], config: EffectiveConfig): string[];
}

export interface FileTrustOptions {
  readonly early: EarlyOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /**
   * Whether the configuration file was found in the working directory: then it must not be writable by the
   * agent's jobs either.
   */
  readonly isInWorkingDirectory: boolean;
}

/** Trusts root and the agent's user, or with `allow-writable-configuration` every user: `undefined`. */
export function createFileTrust(options: FileTrustOptions): FileTrust | undefined {
  const { early, env, cwd, isInWorkingDirectory } = options;
  // The file is not read before it is trusted, so that only the command line and the environment can allow it.
  if (early.allowsWritableConfiguration) return undefined;
  const findWriter = createLazySearch([0, process.geteuid?.() ?? 0]);
  const findJob = createLazySearch([0]);
  const { hasShellUser } = early;

  const assertFiles = (what: string, path: string): void => {
    for (const file of listImportedFiles(path)) {
      const subject = file === path ? what : `file "${file}", which ${what} reads,`;
      const writer = findWriter(file);
      if (writer !== undefined) throw new AgentError("CONFIG_INVALID", toFault(subject, writer));
      if (!isInWorkingDirectory) continue;
      const job = findJob(file)?.reason ?? (isRoot() && !hasShellUser ? "they run as root" : undefined);
      if (job !== undefined) throw new AgentError("CONFIG_INVALID", toJobFault(subject, job));
    }
  };
  return {
    assertConfiguration: (path) => assertFiles(`configuration file "${path}"`, path),
    assertPlugin: (path, specifier) => assertFiles(`plugin "${specifier}" ("${path}")`, path),
    findScriptFaults(declared, config) {
      const isOwnHome = !config.options.some(({ key, value }) => key === "shell-user" && value);
      return listScripts(declared, config).flatMap(({ key, place, value }) => {
        const path = place === "agent" ? toAbsolute(value, cwd) : toSessionPath(value, env, isOwnHome);
        const writer = path === undefined ? undefined : findWriter(path);
        return writer === undefined ? [] : [toFault(`script "${value}" of "${key}"`, writer)];
      });
    },
  };
}

/** Most agents name no file, and then the accounts and mounts of the host need not be read. */
function createLazySearch(uids: readonly number[]): ReturnType<typeof createWriterSearch> {
  let made: ReturnType<typeof createWriterSearch> | undefined;
  return (path) => (made ??= createWriterSearch(trustUsers(uids), findReadOnlyMounts()))(path);
}

function toFault(subject: string, { reason, remedy }: Writer): string {
  return `${subject} can be changed by users other than root and the agent's: ${reason}; correct it (${remedy}), or allow it with --${allowFlag}`;
}

function toJobFault(subject: string, reason: string): string {
  return `${subject} was found in the working directory and can be changed by the agent's jobs: ${reason}; name it with --config-file, or move it to /etc/signalman`;
}

const allowFlag = "allow-writable-configuration";

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function listScripts(declared: readonly DeclaredOptions[], config: EffectiveConfig) {
  return declared.flatMap(({ owner, options }) =>
    options.flatMap(({ name, key, schema: { script: place } }) => {
      const value = (config.of(owner.name) as Readonly<Record<string, unknown>> | undefined)?.[name];
      return place !== undefined && typeof value === "string" && value !== "" ? [{ key, place, value }] : [];
    }),
  );
}

/**
 * The session's shell expands a path, so that not every path is known here. `isOwnHome`: jobs have the home
 * directory of the agent's user.
 */
function toSessionPath(path: string, env: FileTrustOptions["env"], isOwnHome: boolean): string | undefined {
  if (path.startsWith("/") && !path.includes("$")) return path;
  if (!isOwnHome || /\$|^~(?!\/)/.test(path)) return undefined;
  return toAbsolute(path.replace(/^~\/+/, ""), env["HOME"] || homedir());
}
