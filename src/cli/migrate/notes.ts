import { isDeepStrictEqual } from "node:util";
import type { EffectiveOption, Option, EffectiveConfig } from "../../core/contracts/options.ts";
import { toVariable, variablePrefix } from "../../core/config/flags.ts";
import { toHint } from "../../core/text/nearest.ts";
import { toShutdownSeconds, toUnitSettings } from "../../os/systemd/unit-settings.ts";
import type { Unit } from "./installation.ts";

/**
 * What becomes of one item of the installation. `stays`: it works as before. `changes`: the operator has to
 * act. `deprecated`: it works, and has a replacement. `refused`: the agent does not start with it.
 */
export interface Note {
  readonly kind: "stays" | "changes" | "deprecated" | "refused";
  /** An option, a variable, or a setting of the unit. */
  readonly subject: string;
  readonly text: string;
}

/** Notes about an option that the installation sets. */
export function toOptionNotes(option: EffectiveOption, options: readonly Option[]): Note[] {
  const { key, value, secret, source } = option;
  const declared = options.find((declaration) => declaration.key === key)!;
  const { status, description } = declared;
  const origin = `(${source.name})`;
  const shown = secret ? "[REDACTED]" : JSON.stringify(value);
  const isUsed = !isEmpty(value) && !isDeepStrictEqual(value, declared.default);
  if (status === "unsupported" && isUsed) {
    return [{ kind: "refused", subject: key, text: `${shown} ${origin}: not supported by this version` }];
  }
  if (status === "deprecated") {
    return [{ kind: "deprecated", subject: key, text: `${shown} ${origin}: ${description}` }];
  }
  return [{ kind: "stays", subject: key, text: `${shown} ${origin}` }, ...toFileNotes(option, declared)];
}

/** Notes about the variables of the unit that set no option. */
export function toVariableNotes({ env }: Unit, options: readonly Option[]): Note[] {
  const known = options.flatMap(({ flag }) => (flag ? [toVariable(flag)] : []));
  return Object.keys(env)
    .filter((name) => !known.includes(name))
    .map((name) =>
      name.startsWith(variablePrefix)
        ? {
            kind: "changes",
            subject: name,
            text: `no option is set by this variable${toHint(name, known)}: remove it`,
          }
        : { kind: "stays", subject: name, text: "in the environment of the agent and its jobs" },
    );
}

/** Notes about the settings of the unit under which jobs survive a restart of the agent. */
export function toUnitNotes({ path, program, service }: Unit, config: EffectiveConfig): Note[] {
  const settings = toUnitSettings({ shutdownSeconds: toShutdownSeconds(config) });
  return [
    {
      kind: "changes",
      subject: "ExecStart",
      text: `replace "${program}" by signalman with a rename; keep the path, because other programs may expect the agent there`,
    },
    ...settings.map(({ name, value, why, isRight }): Note => {
      const now = service.get(name)?.at(-1);
      return now !== undefined && isRight(now)
        ? { kind: "stays", subject: name, text: `${now} (${path})` }
        : { kind: "changes", subject: name, text: `${name}=${value}, now ${now ?? "not set"}: ${why}` };
    }),
  ];
}

function isEmpty(value: unknown): boolean {
  return value === "" || (Array.isArray(value) && value.length === 0);
}

/** Advises to move a secret to a file if an option can read it from there. */
function toFileNotes({ key, secret, source }: EffectiveOption, { migration }: Option): Note[] {
  const fileOption = migration?.fileOption;
  if (!secret || fileOption === undefined) return [];
  const readers = {
    flag: "every user of the host can read it in the process list",
    environment: "every user of the host can read it with `systemctl show`",
    file: "everyone who can read the configuration file can read it",
    default: "",
  }[source.kind];
  const text = `${readers}: write it to a file of mode 0600, and set "${fileOption}" instead`;
  return [{ kind: "changes", subject: key, text }];
}
