/** The systemd service that runs this process. */
export interface ServiceUnit {
  readonly name: string;
  readonly killMode: string;
}

export interface ServiceUnitOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Content of `/proc/self/cgroup`. */
  readonly cgroups: string;
  /** Runs a program and returns its output; `undefined` when it fails. */
  readonly run: (command: readonly string[]) => Promise<string | undefined>;
}

/**
 * Asks systemd about the unit that runs this process; `undefined` when there is none or systemd does not
 * answer.
 */
export async function findServiceUnit(options: ServiceUnitOptions): Promise<ServiceUnit | undefined> {
  // systemd sets it for every process of a service.
  if (!options.env["INVOCATION_ID"]) return undefined;
  const name = toUnitName(options.cgroups);
  if (name === undefined) return undefined;
  const killMode = await options.run(["systemctl", "show", "--property=KillMode", "--value", name]);
  return killMode === undefined ? undefined : { name, killMode: killMode.trim() };
}

/** Returns the service of a process from its `/proc/<pid>/cgroup`. */
export function toUnitName(cgroups: string): string | undefined {
  return /\/([^/\n]+\.service)(?:\/[^\n]*)?$/m.exec(cgroups)?.[1];
}

/** Returns a warning for the operator when a restart of the unit would end its jobs. */
export function toAdvice({ name, killMode }: ServiceUnit): string | undefined {
  if (killMode !== "control-group" && killMode !== "mixed") return undefined;
  return `the unit "${name}" has KillMode=${killMode}: a restart of the service ends its running job as well (remedy: KillMode=process and Delegate=yes in its [Service] section)`;
}
