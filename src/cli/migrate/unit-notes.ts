import { toVariable, variablePrefix } from "../../core/config/flags.ts";
import type { EffectiveConfig, Option } from "../../core/contracts/options.ts";
import { toHint } from "../../core/text/nearest.ts";
import { toShutdownSeconds, toUnitSettings } from "../../os/systemd/unit-settings.ts";
import type { Unit } from "./installation.ts";
import type { Note } from "./option-notes.ts";

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
