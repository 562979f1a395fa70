import {
  askSystem,
  type Check,
  type Finding,
  toShutdownSeconds,
  toUnitName,
  toUnitSettings,
} from "signalman";
import { readFile } from "node:fs/promises";
import { listAgents, toStatePlace } from "./places.ts";

/** The units under which agents are installed; whatever unit runs one now is found by itself. */
const usualNames = ["signalman.service", "semaphore-agent.service"];

/** Whether the service that runs the agent lets its jobs go on. */
export const service: Check = {
  async run(context) {
    const pids = ["self", ...(await listAgents(toStatePlace(context)))];
    const running = await Promise.all(pids.map(findUnitOf));
    const names = [...new Set([...running.filter((name) => name !== undefined), ...usualNames])];
    const settings = toUnitSettings({ shutdownSeconds: toShutdownSeconds(context.config) });
    const wanted = ["Id", "LoadState", ...settings.map(({ property }) => property)];
    const shown = await askSystem(["systemctl", "show", `--property=${wanted.join(",")}`, ...names]);
    const units = (shown ?? "").split(/\n\n+/).map(toProperties);
    return units.flatMap((unit): Finding[] => {
      if (unit.get("LoadState") !== "loaded") return [];
      const title = `the unit "${unit.get("Id")}"`;
      // An old systemd does not know all of them.
      const wrong = settings.filter(({ property, isRight }) => {
        const value = unit.get(property);
        return value !== undefined && !isRight(value);
      });
      if (wrong.length === 0)
        return [{ level: "ok", title: `${title} lets jobs go on when it is restarted` }];
      const said = wrong.map(
        ({ name, property, why }) => `${name} (now ${unit.get(property) || "not set"}): ${why}`,
      );
      const lines = wrong.map(({ name, value }) => `${name}=${value}`);
      return [
        {
          level: "warning",
          title: `${title} costs jobs`,
          detail: said.join("\n"),
          remedy: `\`systemctl edit ${unit.get("Id")}\`, and in its [Service] section: ${lines.join(", ")}`,
        },
      ];
    });
  },
};

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
