import type { CoreConfig } from "../../agent/options/index.ts";
import { readCore } from "../../agent/options/read-core.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import type { Host } from "../../core/contracts/host.ts";
import { executor, jobSource, logBackend, type Service } from "../../core/contracts/services.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { prepareLimits } from "../../job/choose-executor.ts";
import { print } from "../output/print.ts";
import { toLimits } from "../../agent/job-settings.ts";

/**
 * Prints `ok`. The configuration is read before every command that requires one; this command also sets the
 * plugins up.
 */
export default defineCommand({
  meta: { name: "config check", description: "check the configuration and report every fault" },
  log: "stderr",
  async run({ program }) {
    const faults: string[] = [];
    await using host = await program.openHost({
      roles: ["agent", "job"],
      onSetupFailed: (_, error) => void faults.push(toMessage(error)),
    });
    // What a plugin with a fault would have provided is unknown.
    const core = readCore(program);
    if (faults.length === 0) faults.push(...findMissing(host, core), ...findLimitFaults(host, core));
    if (faults.length > 0) {
      const list = faults.length === 1 ? faults[0]! : faults.map((fault) => `\n  ${fault}`).join("");
      throw new AgentError("CONFIG_INVALID", list);
    }
    print("ok");
  },
});

/** Finds names of services in the configuration that no plugin provides. */
function findMissing(host: Host, core: CoreConfig): string[] {
  return [
    ...findUnknown(host, jobSource, { "control-plane": core["control-plane"] }),
    ...findUnknown(host, executor, prefix("executors", core.executors)),
    ...findUnknown(host, logBackend, prefix("log-methods", core["log-methods"])),
  ];
}

/** Finds out whether the limits of jobs can be enforced on this host. */
function findLimitFaults(host: Host, core: CoreConfig): string[] {
  try {
    prepareLimits("shell", { host, executors: core.executors, limits: toLimits(core) }, { dryRun: true });
    return [];
  } catch (error) {
    return [toMessage(error)];
  }
}

function prefix(option: string, map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [`${option}.${name}`, value]));
}

function findUnknown<T extends object>(
  host: Host,
  service: Service<T>,
  names: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(names).flatMap(([option, name]) => {
    try {
      host.use(service, name);
      return [];
    } catch (error) {
      return [`${option}: ${toMessage(error)}`];
    }
  });
}
