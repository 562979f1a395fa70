import type { EffectiveOption, EffectiveConfig, DeclaredOptions, Option } from "../contracts/options.ts";
import type { Given } from "./values.ts";
import { collectGiven, type OptionSources } from "./option-sources.ts";
import { toIssueFault, toKey } from "./faults.ts";
import { toMessage } from "../errors.ts";
import { toOwnerName } from "./flags.ts";

export interface ResolvedConfig {
  readonly config: EffectiveConfig;
  /** All faults, without secrets. When there are any, `config` is the part that is valid. */
  readonly faults: readonly string[];
  /** Whether one of the faults is the value of a flag. */
  readonly isUsage: boolean;
  /** Every value of a secret option, from any source. */
  readonly secrets: readonly string[];
}

/** Determines the value of every option. Precedence: flag, environment variable, file, default. */
export async function resolveConfig(options: OptionSources): Promise<ResolvedConfig> {
  const { given, faults, isUsage, secrets } = await collectGiven(options);
  const configs = new Map<string, unknown>();
  const effective: EffectiveOption[] = [];
  for (const declared of options.declared) {
    const owner = declared.owner.name;
    const { output, faults: ownFaults } = await validate(declared, given);
    faults.push(...ownFaults);
    configs.set(owner, output);
    effective.push(...declared.options.map((option) => toEffective(option, given.get(option), output)));
  }
  return {
    config: { file: options.file?.path, options: effective, of: (owner) => configs.get(owner) },
    faults: faults.map((fault) => hide(fault, secrets)),
    isUsage,
    secrets,
  };
}

interface Validated {
  readonly output: unknown;
  readonly faults: readonly string[];
}

async function validate(
  { owner, options }: DeclaredOptions,
  given: ReadonlyMap<Option, Given>,
): Promise<Validated> {
  const entries = options.flatMap((option) => {
    const { value } = given.get(option) ?? {};
    return value === undefined ? [] : [[option.name, value] as const];
  });
  if (owner.config === undefined) return { output: Object.fromEntries(entries), faults: [] };
  const schema = owner.config["~standard"];
  try {
    const result = await schema.validate(Object.fromEntries(entries));
    if (result.issues === undefined) return { output: result.value, faults: [] };
    const faults = result.issues.flatMap((issue) => toIssueFault(issue, owner.name, options, given));
    // The valid part: without the options that have a fault.
    const faulty = new Set(result.issues.map(({ path: [first] = [] }) => toKey(first)));
    const rest = await schema.validate(Object.fromEntries(entries.filter(([name]) => !faulty.has(name))));
    return { output: rest.issues === undefined ? rest.value : undefined, faults };
  } catch (error) {
    return {
      output: undefined,
      faults: [`${toOwnerName(owner.name)} failed to validate its options: ${toMessage(error)}`],
    };
  }
}

function toEffective(option: Option, given: Given | undefined, output: unknown): EffectiveOption {
  const { owner, key, secret, delaysShutdown, name } = option;
  return {
    owner,
    key,
    secret,
    ...(delaysShutdown && { delaysShutdown }),
    value: given?.value ?? option.default ?? (output as Record<string, unknown> | undefined)?.[name],
    source: given?.value === undefined ? { kind: "default", name: "default" } : given.source,
  };
}

/** The messages of a plugin's schema may contain the value. */
function hide(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (shown, secret) => (secret.length < 4 ? shown : shown.replaceAll(secret, "[REDACTED]")),
    text,
  );
}
