import type { EffectiveConfig, Option } from "../../core/contracts/options.ts";
import { matchNames } from "../../job/log/secrets.ts";
import { toVariables } from "../../os/systemd/unit-file.ts";

/**
 * Finds values that must not be printed among the variables of the unit and of the jobs: those of variables with the name of a secret,
 * and credentials in addresses. If no plugin declares which names those are, all values.
 */
export function findSecrets(
  env: Readonly<Record<string, string>>,
  { config, options }: { readonly config: EffectiveConfig; readonly options: readonly Option[] },
): string[] {
  const of = (content: string) => options.filter(({ migration }) => migration?.content === content);
  const variableKeys = of("variables").map(({ key }) => key);
  const namePatterns = of("secret-names").flatMap((option) => option.default as readonly string[]);
  const isSecret = namePatterns.length === 0 ? () => true : matchNames(namePatterns);
  const forJobs = config.options
    .filter(({ key }) => variableKeys.includes(key))
    .flatMap(({ value }) => value as readonly string[]);
  return Object.entries({ ...env, ...toVariables(forJobs) }).flatMap(([name, value]) =>
    isSecret(name) ? [value] : Array.from(value.matchAll(/\/\/[^/\s@]+@/g), ([credentials]) => credentials),
  );
}
