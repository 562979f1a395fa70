import type { Host, PluginEntry } from "../core/contracts/host.ts";
import { executor, executorWrapper, logBackend, type Service } from "../core/contracts/services.ts";
import { toMessage } from "../core/errors.ts";
import { findExecutor } from "../job/choose-executor.ts";
import { assertWrapper } from "../job/wrapped-executor.ts";
import type { CoreConfig } from "./options/index.ts";

export interface CheckedHosts {
  /** With all executors and log backends. */
  readonly host: Pick<Host, "use" | "all">;
  /** With the plugins that run in jobs only; in a process that is both, the same host. */
  readonly jobHost: Pick<Host, "all">;
}

/** Finds names of services, in the configuration and in executor wrappers, that no plugin provides. */
export function findServiceFaults({ host, jobHost }: CheckedHosts, core: CoreConfig): string[] {
  const executors = [...host.all(executor).keys()];
  const wrappers = new Set([...host.all(executorWrapper).values(), ...jobHost.all(executorWrapper).values()]);
  return [
    ...findUnknown(host, executor, prefix("executors", core.executors)),
    ...findUnknown(host, logBackend, prefix("log-methods", core["log-methods"])),
    ...toFaults(() => void findExecutor("shell", { host, executors: core.executors })),
    ...[...wrappers].flatMap((wrapper) => toFaults(() => assertWrapper(wrapper, executors))),
  ];
}

/** Finds those names of a service that no plugin provides. `names`: option → name. */
export function findUnknown<T extends object>(
  host: Pick<Host, "use">,
  service: Service<T>,
  names: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(names).flatMap(([option, name]) =>
    toFaults(() => void host.use(service, name)).map((fault) => `${option}: ${fault}`),
  );
}

/** Whether an agent must set a plugin up only to find its faults before it registers: jobs would fail by them. */
export function isForJobsOnly({ plugin: { runsIn }, origin }: PluginEntry): boolean {
  return origin.kind !== "built-in" && runsIn?.includes("job") === true && !runsIn.includes("agent");
}

/** Joins faults to the message of an error. */
export function toFaultList([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : [first, ...others].map((fault) => `\n  ${fault}`).join("");
}

function prefix(option: string, map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [`${option}.${name}`, value]));
}

function toFaults(check: () => void): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [toMessage(error)];
  }
}
