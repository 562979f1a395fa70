import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "../../core/errors.ts";
import { toServiceUnit, toUnitWord } from "../../os/systemd/unit-settings.ts";
import type { Service } from "./contract.ts";
import { replaceFile } from "./replace-file.ts";
import { runSystem, succeeds } from "./system-command.ts";

const unit = "signalman.service";
const own = `/etc/systemd/system/${unit}`;
const packaged = ["/usr/lib", "/lib"].map((place) => `${place}/systemd/system/${unit}`);
/**
 * The unit of an agent that finishes its last job: without one, systemd would forget the settings and kill
 * the agent for the watchdog's messages that it no longer takes.
 */
const leaving = `/run/systemd/system/${unit}`;
const leavingSettings = `${leaving}.d/50-removed.conf`;
/** Seconds that an uninstallation waits for an agent without a job. */
const exitSeconds = 10;

/** Returns `undefined` where systemd does not run. */
export function findSystemd(): Service | undefined {
  if (!existsSync("/run/systemd/system")) return undefined;
  const isActive = () => succeeds(["systemctl", "is-active", "--quiet", unit]);
  return {
    name: unit,
    async install({ program, user, configFile, environmentFile, shutdownSeconds, isStarted, isForced }) {
      const other = packaged.find((file) => existsSync(file));
      if (other !== undefined)
        throw new AgentError(
          "FILE_FAILED",
          `a package has installed the service ("${other}"): systemctl enable --now ${unit}`,
        );
      if (existsSync(own) && !isForced)
        throw new AgentError("FILE_FAILED", `"${own}" exists already; --force replaces it`);
      const command = [program, "start", "--config-file", configFile].map(toUnitWord).join(" ");
      const environmentFiles = [environmentFile];
      replaceFile(own, toServiceUnit({ shutdownSeconds, command, user, environmentFiles }), 0o644);
      forgetLeaving();
      runSystem(["systemctl", "daemon-reload"]);
      runSystem(["systemctl", "enable", ...(isStarted ? ["--now"] : []), unit]);
    },
    status: async () => ({
      definition: [own, ...packaged].find((file) => existsSync(file)),
      isOurs: existsSync(own),
      isActive: isActive(),
      isEnabled: succeeds(["systemctl", "is-enabled", "--quiet", unit]),
    }),
    async uninstall() {
      if (!existsSync(own))
        throw new AgentError(
          "FILE_FAILED",
          `"${own}" does not exist: no service was installed by this command`,
        );
      runSystem(["systemctl", "disable", unit]);
      if (isActive()) {
        replaceFile(leaving, readFileSync(own, "utf8"), 0o644);
        const forget = `/bin/rm -rf ${leaving} ${leaving}.d`;
        replaceFile(leavingSettings, `[Service]\nRestart=no\nExecStopPost=+${forget}\n`, 0o644);
        rmSync(own);
        runSystem(["systemctl", "daemon-reload"]);
        runSystem(["systemctl", "kill", "--signal=SIGQUIT", "--kill-who=main", unit]);
        for (let seconds = 0; isActive() && seconds < exitSeconds; seconds += 0.25) await sleep(250);
      }
      rmSync(own, { force: true });
      const hasExited = !isActive();
      if (hasExited) forgetLeaving();
      runSystem(["systemctl", "daemon-reload"]);
      return hasExited;
    },
  };
}

function forgetLeaving(): void {
  for (const path of [leaving, `${leaving}.d`]) rmSync(path, { recursive: true, force: true });
}
