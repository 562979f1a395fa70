import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { matchNames, secretNamePatterns } from "../../core/text/secret-names.ts";
import { toVariables } from "../../os/systemd/unit-file.ts";

/**
 * Finds values that must not be printed among the variables of the unit and of the jobs: those of variables
 * with the name of a secret, and credentials in addresses.
 */
export function findSecrets(env: Readonly<Record<string, string>>, { options }: EffectiveConfig): string[] {
  const isSecret = matchNames(secretNamePatterns);
  const forJobs = options
    .filter(({ key }) => key === "env-vars")
    .flatMap(({ value }) => value as readonly string[]);
  return Object.entries({ ...env, ...toVariables(forJobs) }).flatMap(([name, value]) =>
    isSecret(name) ? [value] : Array.from(value.matchAll(/\/\/[^/\s@]+@/g), ([credentials]) => credentials),
  );
}
