import { isDeepStrictEqual } from "node:util";
import { parseArguments } from "../../core/config/arguments.ts";
import { toShutdownSeconds, toUnitSettings } from "../../os/systemd/unit-settings.ts";
import type { EffectiveConfig, EffectiveOption, DeclaredOptions } from "../../core/contracts/options.ts";
import { resolveConfig } from "../../core/config/config.ts";
import { type ConfigFile, loadConfigFile } from "../../core/config/file.ts";
import { toVariable, variablePrefix } from "../../core/config/flags.ts";
import { toMessage } from "../../core/errors.ts";
import { matchNames, secretNamePatterns } from "../../core/secret-names.ts";
import { toHint } from "../../core/nearest.ts";
import type { Installation, Unit } from "./installation.ts";
import { toVariables } from "../../os/systemd/unit-file.ts";

/**
 * What becomes of one thing. `stays`: it means what it meant. `changes`: do something about it. `deprecated`: it still works.
 * `refused`: no agent starts with it.
 */
export interface Note {
  readonly kind: "stays" | "changes" | "deprecated" | "refused";
  /** An option, a variable, or a setting of the unit. */
  readonly subject: string;
  readonly text: string;
}

export interface Comparison {
  readonly notes: readonly Note[];
  readonly config: EffectiveConfig;
  /** What must be shown nowhere. */
  readonly secrets: readonly string[];
}

/** Reads an installation as Signalman would, and says what that makes of it. */
export async function compare(
  installation: Installation,
  { declared, cwd }: { readonly declared: readonly DeclaredOptions[]; readonly cwd: string },
): Promise<Comparison> {
  const { unit } = installation;
  const refused: Note[] = [];
  const refuse = (subject: string, error: unknown) =>
    void refused.push({ kind: "refused", subject, text: toMessage(error) });
  const file = await loadFile(installation.config, cwd).catch((error) => refuse("configuration file", error));
  const flags = await readFlags(unit, declared).catch((error) => refuse("ExecStart", error));
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
      ...given.flatMap((option) => toOptionNotes(option, declared)),
      ...(unit ? [...toVariableNotes(unit, declared), ...toUnitNotes(unit, config)] : []),
    ],
  };
}

/** Values of variables whose names tell that they are secret, and what stands before the host of an address. */
function findSecrets(env: Unit["env"], { options }: EffectiveConfig): string[] {
  const isSecret = matchNames(secretNamePatterns);
  const forJobs = options.filter(({ key }) => key === "env-vars").flatMap(({ value }) => value as string[]);
  const all = { ...env, ...toVariables(forJobs) };
  return Object.entries(all).flatMap(([name, value]) =>
    isSecret(name) ? [value] : Array.from(value.matchAll(/\/\/[^/\s@]+@/g), ([credentials]) => credentials),
  );
}

async function loadFile(path: string | undefined, cwd: string): Promise<ConfigFile | undefined> {
  return path === undefined ? undefined : loadConfigFile(path, { environment: undefined, cwd });
}

async function readFlags(
  unit: Unit | undefined,
  declared: readonly DeclaredOptions[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { options } = await parseArguments(unit?.flags ?? [], {
    command: "start",
    args: {},
    options: declared.flatMap((declaration) => declaration.options),
    explainUnknown: async () => "",
  });
  return options;
}

/** What a fault begins with: the option, also where the fault is in one value of its list, or `Unrecognized option 'x'`. */
function toSubject(fault: string): string {
  const named = /^Unrecognized option '([^']+)'/.exec(fault) ?? /^([\w.-]+?)(?:\.\d+)?(?: \(|:)/.exec(fault);
  return named?.[1] ?? "configuration";
}

function toOptionNotes(option: EffectiveOption, declared: readonly DeclaredOptions[]): Note[] {
  const { key, value, secret, source } = option;
  const {
    status,
    description,
    default: usual,
  } = declared.flatMap(({ options }) => options).find((declaration) => declaration.key === key)!;
  const where = `(${source.name})`;
  const shown = secret ? "[REDACTED]" : JSON.stringify(value);
  const isAskedFor = !isEmpty(value) && !isDeepStrictEqual(value, usual);
  if (status === "unsupported" && isAskedFor) {
    return [
      { kind: "refused", subject: key, text: `${shown} ${where}: no agent starts with it in this version` },
    ];
  }
  if (status === "deprecated") {
    return [{ kind: "deprecated", subject: key, text: `${shown} ${where}: ${description}` }];
  }
  const note: Note = { kind: "stays", subject: key, text: `${shown} ${where}` };
  return secret ? [note, toSecretNote(option, declared)].filter((one) => one !== undefined) : [note];
}

function isEmpty(value: unknown): boolean {
  return value === "" || (Array.isArray(value) && value.length === 0);
}

/** A secret is better kept in a file of its own, where there is an option for that. */
function toSecretNote(
  { key, source }: EffectiveOption,
  declared: readonly DeclaredOptions[],
): Note | undefined {
  const fileKey = `${key}-file`;
  const hasFile = declared.some(({ options }) => options.some((option) => option.key === fileKey));
  if (!hasFile) return undefined;
  const readers = {
    flag: "every user of the host reads it in the list of processes",
    environment: "`systemctl show` tells it to every user of the host",
    file: "it stands among things that others may want to read",
    default: "",
  }[source.kind];
  return {
    kind: "changes",
    subject: key,
    text: `${readers}: put it into a file of mode 0600, and give "${fileKey}" in its place`,
  };
}

function toVariableNotes({ env }: Unit, declared: readonly DeclaredOptions[]): Note[] {
  const known = declared
    .flatMap(({ options }) => options)
    .flatMap(({ flag }) => (flag ? [toVariable(flag)] : []));
  return Object.keys(env)
    .filter((name) => !known.includes(name))
    .map((name) =>
      name.startsWith(variablePrefix)
        ? {
            kind: "changes",
            subject: name,
            text: `no option has this variable${toHint(name, known)}: remove it`,
          }
        : { kind: "stays", subject: name, text: "the agent and its jobs have it in their environment" },
    );
}

function toUnitNotes({ path, program, service }: Unit, config: EffectiveConfig): Note[] {
  const settings = toUnitSettings({ shutdownSeconds: toShutdownSeconds(config) });
  return [
    {
      kind: "changes",
      subject: "ExecStart",
      text: `put signalman at "${program}", by rename; others may look for an agent at this path`,
    },
    ...settings.map(({ name, value, why, isRight }): Note => {
      const now = service.get(name)?.at(-1);
      return now !== undefined && isRight(now)
        ? { kind: "stays", subject: name, text: `${now} (${path})` }
        : { kind: "changes", subject: name, text: `${name}=${value}, now ${now ?? "not set"}: ${why}` };
    }),
  ];
}
