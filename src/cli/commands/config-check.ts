import type { CoreConfig } from "../../agent/options/index.ts";
import { readCore } from "../../agent/options/read-core.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import type { Host } from "../../core/contracts/host.ts";
import { jobSource } from "../../core/contracts/services.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { prepareLimits } from "../../job/choose-executor.ts";
import { print } from "../output/print.ts";
import { toLimits } from "../../agent/job-settings.ts";
import { findServiceFaults, findUnknown, toFaultList } from "../../agent/service-faults.ts";

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
    if (faults.length === 0) faults.push(...findFaults(host, core));
    if (faults.length > 0) throw new AgentError("CONFIG_INVALID", toFaultList(faults));
    print("ok");
  },
});

/** Finds names of services that no plugin provides, and limits that this host cannot enforce. */
function findFaults(host: Host, core: CoreConfig): string[] {
  return [
    ...findUnknown(host, jobSource, { "control-plane": core["control-plane"] }),
    ...findServiceFaults({ host, jobHost: host }, core),
    ...findLimitFaults(host, core),
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
