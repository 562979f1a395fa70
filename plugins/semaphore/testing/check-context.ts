import type { CheckContext, Finding } from "signalman";

export const token = "registration-0a1b2c3d";

/** The context of a check; `options` are the options of other plugins and the core. */
export function toContext(
  options: Readonly<Record<string, unknown>> = {},
  more: Partial<Pick<CheckContext, "env" | "signal">> = {},
): CheckContext {
  const effective = Object.entries({ "control-plane": "semaphore", ...options }).map(([key, value]) => ({
    owner: "core",
    key,
    value,
    secret: false,
    source: { kind: "file", name: "config.yaml" } as const,
  }));
  return {
    signal: new AbortController().signal,
    env: {},
    ...more,
    config: { file: undefined, options: effective, of: () => undefined },
  };
}

export function titles(findings: readonly Finding[], level: Finding["level"]): string[] {
  return findings.filter((finding) => finding.level === level).map(({ title }) => title);
}
