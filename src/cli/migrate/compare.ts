import { parseArguments } from "../../core/config/arguments.ts";
import { resolveConfig } from "../../core/config/config.ts";
import { type ConfigFile, loadConfigFile } from "../../core/config/file.ts";
import type { DeclaredOptions, EffectiveConfig, Option } from "../../core/contracts/options.ts";
import { toMessage } from "../../core/errors.ts";
import type { Installation, Unit } from "./installation.ts";
import { type Note, toOptionNotes, toUnitNotes, toVariableNotes } from "./notes.ts";
import { matchNames, secretNamePatterns } from "../../core/text/secret-names.ts";
import { toVariables } from "../../os/systemd/unit-file.ts";

export interface Comparison {
  readonly notes: readonly Note[];
  readonly config: EffectiveConfig;
  /** Values that must not be printed. */
  readonly secrets: readonly string[];
}

export interface CompareOptions {
  readonly declared: readonly DeclaredOptions[];
  readonly cwd: string;
}

/**
 * Reads an installation as `signalman start` would, and notes what becomes of each option, variable and unit
 * setting.
 */
export async function compare(
  installation: Installation,
  { declared, cwd }: CompareOptions,
): Promise<Comparison> {
  const { unit } = installation;
  const options = declared.flatMap((declaration) => declaration.options);
  const refused: Note[] = [];
  const refuse = (subject: string, error: unknown) =>
    void refused.push({ kind: "refused", subject, text: toMessage(error) });
  const file = await loadFile(installation.config, cwd).catch((error) => refuse("configuration file", error));
  const flags = await readFlags(unit, options).catch((error) => refuse("ExecStart", error));
  const { config, faults, secrets } = await resolveConfig({
    declared,
    flags: flags ?? new Map(),
    env: unit?.env ?? {},
    file: file ?? undefined,
    parts: new Map(),
    explainUnknown: async () => "",
  });
  const given = config.options.filter(
    ({ key, source }) => key !== "config-file" && source.kind !== "default",
  );
  return {
    config,
    secrets: [...secrets, ...findSecrets(unit?.env ?? {}, config)],
    notes: [
      ...refused,
      ...faults.map((text): Note => ({ kind: "refused", subject: toSubject(text), text })),
      ...given.flatMap((option) => toOptionNotes(option, options)),
      ...(unit ? [...toVariableNotes(unit, options), ...toUnitNotes(unit, config)] : []),
    ],
  };
}

async function loadFile(path: string | undefined, cwd: string): Promise<ConfigFile | undefined> {
  return path === undefined ? undefined : loadConfigFile(path, { environment: undefined, cwd });
}

async function readFlags(
  unit: Unit | undefined,
  options: readonly Option[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const parsed = await parseArguments(unit?.flags ?? [], {
    command: "start",
    args: {},
    options,
    explainUnknown: async () => "",
  });
  return parsed.options;
}

/** The option that a fault is about: the text before `:` or ` (`, or the `x` of `Unrecognized option 'x'`. */
function toSubject(fault: string): string {
  const named = /^Unrecognized option '([^']+)'/.exec(fault) ?? /^([\w.-]+?)(?:\.\d+)?(?: \(|:)/.exec(fault);
  return named?.[1] ?? "configuration";
}

/**
 * Finds values that must not be printed among the variables of the unit and of the jobs: those of variables
 * with the name of a secret, and credentials in addresses.
 */
function findSecrets(env: Readonly<Record<string, string>>, { options }: EffectiveConfig): string[] {
  const isSecret = matchNames(secretNamePatterns);
  const forJobs = options
    .filter(({ key }) => key === "env-vars")
    .flatMap(({ value }) => value as readonly string[]);
  return Object.entries({ ...env, ...toVariables(forJobs) }).flatMap(([name, value]) =>
    isSecret(name) ? [value] : Array.from(value.matchAll(/\/\/[^/\s@]+@/g), ([credentials]) => credentials),
  );
}
