/** What could be learnt of the service that runs us. `undefined`: none does, or it tells nothing. */
export interface ServiceUnit {
  readonly name: string;
  readonly killMode: string;
}

export interface ServiceUnitOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of `/proc/self/cgroup`. */
  readonly cgroups: string;
  /** Runs a program; its output, or `undefined` when it fails. */
  readonly run: (command: readonly string[]) => Promise<string | undefined>;
}

/** Asks systemd about the unit that runs this process. */
export async function findServiceUnit(options: ServiceUnitOptions): Promise<ServiceUnit | undefined> {
  // systemd gives it to every process of a service.
  if (!options.env["INVOCATION_ID"]) return undefined;
  const name = toUnitName(options.cgroups);
  if (name === undefined) return undefined;
  const killMode = await options.run(["systemctl", "show", "--property=KillMode", "--value", name]);
  return killMode === undefined ? undefined : { name, killMode: killMode.trim() };
}

/** The service in whose control group a process is, out of its `/proc/<pid>/cgroup`. */
export function toUnitName(cgroups: string): string | undefined {
  return /\/([^/\n]+\.service)(?:\/[^\n]*)?$/m.exec(cgroups)?.[1];
}

/** What an operator should know: a unit that takes its jobs with it. */
export function toAdvice({ name, killMode }: ServiceUnit): string | undefined {
  if (killMode !== "control-group" && killMode !== "mixed") return undefined;
  return `the unit "${name}" has KillMode=${killMode}: a restart of the service ends its running job as well (remedy: KillMode=process and Delegate=yes in its [Service] section)`;
}
