import type { EffectiveOption } from "../../core/contracts/options.ts";
import { formatTable } from "../output/columns.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { matchNames, secretNamePatterns } from "../../core/text/secret-names.ts";
import { print, printJson } from "../output/print.ts";

export default defineCommand({
  meta: { name: "config", description: "show the value and the source of every option" },
  group: "configure",
  examples: [
    { line: "signalman config", purpose: "show all options, with the source of each value" },
    {
      line: "signalman config --config-file /etc/signalman/config.yaml",
      purpose: "show what an agent with this file uses",
    },
  ],
  log: "stderr",
  args: { json: { type: "boolean", description: "print JSON" } },
  run({ args, program }) {
    const { file, options } = program.config;
    const mask = createMask(options);
    if (args.json === true) {
      const shown = options.map((option) => ({ ...option, value: mask(option) ?? null }));
      printJson({ file: file ?? null, options: shown }, 2);
      return;
    }
    const rows = options.map((option) => [option.key, option.source.name, toText(mask(option))]);
    print(formatTable([["KEY", "SOURCE", "VALUE"], ...rows]).join("\n"));
  },
});

/** Masks secret options, and the values in `env-vars` that the log of a job would not show either. */
function createMask(options: readonly EffectiveOption[]): (option: EffectiveOption) => unknown {
  const patterns = options.find(({ key }) => key === "redacted-vars")?.value;
  const isSecret = matchNames(Array.isArray(patterns) ? patterns.map(String) : secretNamePatterns);
  const maskVariable = (text: string) => {
    const [name = ""] = text.split("=", 1);
    return isSecret(name) ? `${name}=[REDACTED]` : text;
  };
  return ({ key, secret, value }) => {
    if (key === "env-vars" && Array.isArray(value)) return value.map(String).map(maskVariable);
    return secret && value !== undefined && value !== "" ? "[REDACTED]" : value;
  };
}

function toText(value: unknown): string {
  if (value === undefined) return "-";
  return typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
