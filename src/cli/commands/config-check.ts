import type { CoreConfig } from "../../agent/options/index.ts";
import { readCore } from "../../agent/options/read-core.ts";
import { defineCommand, type Program } from "../../core/contracts/command.ts";
import type { Host } from "../../core/contracts/host.ts";
import { jobSource } from "../../core/contracts/services.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { prepareLimits } from "../../job/choose-executor.ts";
import { print } from "../output/print.ts";
import { toLimits } from "../../agent/job-settings.ts";
import { findServiceFaults, findUnknown, toFaultList } from "../../agent/service-faults.ts";

/**
 * Prints `ok`. The configuration is read before every command that requires one; this command also sets the
 * plugins up, and looks at the environments that are not selected.
 */
export default defineCommand({
  meta: {
    name: "config check",
    description: "check the configuration with each of its environments, and report every fault",
  },
  group: "configure",
  examples: [
    {
      line: "signalman config check --config-file /etc/signalman/config.yaml",
      purpose: "check a file before a restart",
    },
  ],
  log: "stderr",
  checksEnvironments: true,
  async run({ program }) {
    const faults = await checkPlugins(program, (host, core) => [
      ...findUnknownNames(host, core),
      ...findLimitFaults(host, core),
    ]);
    for (const [name, other] of program.environments) {
      // Its limits may be for another host.
      const own = await checkPlugins(other, findUnknownNames);
      const further = own.filter((fault) => !faults.includes(fault));
      faults.push(...further.map((fault) => `environment "${name}": ${fault}`));
    }
    if (faults.length > 0) throw new AgentError("CONFIG_INVALID", toFaultList(faults));
    print("ok");
  },
});

/** Sets the plugins up, and checks what they provide. */
async function checkPlugins(
  program: Program,
  check: (host: Host, core: CoreConfig) => string[],
): Promise<string[]> {
  const faults: string[] = [];
  await using host = await program.openHost({
    roles: ["agent", "job"],
    onSetupFailed: (_, error) => void faults.push(toMessage(error)),
  });
  // What a plugin with a fault would have provided is unknown.
  return faults.length > 0 ? faults : check(host, readCore(program));
}

/** Finds names of services that no plugin provides. */
function findUnknownNames(host: Host, core: CoreConfig): string[] {
  return [
    ...findUnknown(host, jobSource, { "control-plane": core["control-plane"] }),
    ...findServiceFaults({ host, jobHost: host }, core),
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
