import type { Check, Finding } from "signalman";
import { askSystem, listRunningAgents, toShutdownSeconds, toUnitName, toUnitSettings } from "signalman/host";
import { readFile } from "node:fs/promises";
import { toStateDirectory } from "./state-directory.ts";

type UnitSettings = ReturnType<typeof toUnitSettings>;

/** Usual units of an agent. A unit that runs an agent at the moment is found under any name. */
const usualNames = ["signalman.service", "semaphore-agent.service"];

/** Checks that the systemd units of agents let jobs survive a restart. */
export const service: Check = {
  async run(context) {
    const pids = ["self", ...listRunningAgents(toStateDirectory(context))];
    const running = await Promise.all(pids.map(findUnitOf));
    const names = [...new Set([...running.filter((name) => name !== undefined), ...usualNames])];
    const settings = toUnitSettings({ shutdownSeconds: toShutdownSeconds(context.config) });
    const properties = ["Id", "LoadState", ...settings.map(({ property }) => property)];
    const shown = await askSystem(["systemctl", "show", `--property=${properties.join(",")}`, ...names]);
    const units = (shown ?? "").split(/\n\n+/).map(toProperties);
    return units
      .filter((unit) => unit.get("LoadState") === "loaded")
      .map((unit) => examineUnit(unit, settings));
  },
};

function examineUnit(unit: ReadonlyMap<string, string>, settings: UnitSettings): Finding {
  const id = unit.get("Id");
  const wrong = settings.filter(({ property, isRight }) => {
    // An old systemd does not report every property.
    const value = unit.get(property);
    return value !== undefined && !isRight(value);
  });
  if (wrong.length === 0) {
    return { level: "ok", title: `unit "${id}" lets jobs survive a restart of the agent` };
  }
  const reasons = wrong.map(
    ({ name, property, why }) => `${name} (now ${unit.get(property) || "not set"}): ${why}`,
  );
  const lines = wrong.map(({ name, value }) => `${name}=${value}`);
  return {
    level: "warning",
    title: `unit "${id}" can interrupt or lose jobs`,
    detail: reasons.join("\n"),
    remedy: `run \`systemctl edit ${id}\` and set in the [Service] section: ${lines.join(", ")}`,
  };
}

async function findUnitOf(pid: number | string): Promise<string | undefined> {
  const cgroups = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
  return toUnitName(cgroups);
}

function toProperties(text: string): ReadonlyMap<string, string> {
  const pairs = text
    .split("\n")
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
  return new Map(pairs.filter(([name]) => name !== ""));
}
