import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { peekFlags } from "../../core/config/arguments.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { readHostFile } from "../../os/file-trust/host-file.ts";
import { parseUnit, type ServiceSection, splitWords, toVariables } from "../../os/systemd/unit-file.ts";

/** The installation of another agent. */
export interface Installation {
  /** Path of its configuration file, if it has one. */
  readonly config: string | undefined;
  readonly unit: Unit | undefined;
}

export interface Unit {
  readonly path: string;
  readonly service: ServiceSection;
  /** Path of the program that the unit starts. */
  readonly program: string;
  /** Arguments of the program, without the command `start`. */
  readonly flags: readonly string[];
  /** Variables of `Environment=` and `EnvironmentFile=`. */
  readonly env: Readonly<Record<string, string>>;
}

export interface FindInstallationOptions {
  /** A configuration file, or the directory of an installation. */
  readonly from: string | undefined;
  /** Path of a unit file. */
  readonly unit: string | undefined;
  readonly cwd: string;
}

/** Locations that the reference's install script and its container image use (protocol section 9). */
const usualConfigs = ["/opt/semaphore/agent/config.yaml", "/opt/semaphore/semaphore-agent.yml"];
const unitName = "semaphore-agent.service";
const usualUnits = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"].map(
  (directory) => join(directory, unitName),
);

/** Finds an installation. Throws `USAGE_INVALID` when none is found. */
export async function findInstallation(options: FindInstallationOptions): Promise<Installation> {
  const { from, cwd } = options;
  const unit = await findUnit(options.unit && resolve(cwd, options.unit));
  const named = unit && peekFlags(unit.flags, { "config-file": "string" }).get("config-file");
  const ofUnit = named && resolve(unit.service.get("WorkingDirectory")?.at(-1) ?? "/", named);
  if (from !== undefined) {
    const config = await findConfig(resolve(cwd, from));
    // The unit in the usual location may belong to another agent.
    return { config, unit: options.unit !== undefined || ofUnit === config ? unit : undefined };
  }
  const config = await findFirst([...(ofUnit ? [ofUnit] : []), ...usualConfigs]);
  if (config !== undefined || unit !== undefined) return { config: ofUnit ?? config, unit };
  const places = [...usualConfigs, usualUnits[0]].join(", ");
  throw new AgentError(
    "USAGE_INVALID",
    `no installation of an agent was found in the usual locations (${places}); specify its config.yaml or directory with --from`,
  );
}

async function findConfig(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new AgentError("USAGE_INVALID", `"${path}" (--from) not found`);
  if (!found.isDirectory()) return path;
  const inside = await findFirst(usualConfigs.map((usual) => join(path, basename(usual))));
  if (inside !== undefined) return inside;
  throw new AgentError(
    "USAGE_INVALID",
    `config.yaml not found in "${path}"; specify the file itself with --from`,
  );
}

async function findUnit(named: string | undefined): Promise<Unit | undefined> {
  const path = named ?? (await findFirst(usualUnits));
  if (path === undefined) return undefined;
  const dropIns = await readdir(`${path}.d`).catch(() => []);
  const parts = dropIns.filter((name) => name.endsWith(".conf")).toSorted();
  const texts = [path, ...parts.map((name) => join(`${path}.d`, name))].map(readText);
  const service = parseUnit(texts);
  const [program = "", ...words] = splitWords(
    (service.get("ExecStart")?.at(-1) ?? "").replace(/^[-@:+!|]+/, ""),
  );
  return {
    path,
    service,
    program,
    flags: words[0] === "start" ? words.slice(1) : words,
    env: readEnv(service),
  };
}

function readEnv(service: ServiceSection): Record<string, string> {
  const files = (service.get("EnvironmentFile") ?? []).map((file) => file.replace(/^-/, ""));
  // systemd reads these files as root; this user may not be allowed to.
  const texts = files.map(readIfPossible);
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => !/^\s*([#;]|$)/.test(line));
  return {
    ...toVariables((service.get("Environment") ?? []).flatMap(splitWords)),
    ...toVariables(lines.map((line) => splitWords(line.trim()).join(" "))),
  };
}

function readText(path: string): string {
  try {
    return readHostFile(path).toString();
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `unit file "${path}" could not be read: ${toMessage(cause)}`, {
      cause,
    });
  }
}

function readIfPossible(path: string): string {
  try {
    return readHostFile(path).toString();
  } catch {
    return "";
  }
}

async function findFirst(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}
