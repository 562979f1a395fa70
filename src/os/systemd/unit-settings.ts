import { agentGroup } from "../cgroup/place.ts";
import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { toSeconds } from "./time-span.ts";

/**
 * A setting of the `[Service]` section that keeps jobs running while their agent restarts, and lets the agent
 * shut down in order.
 */
export interface UnitSetting {
  readonly name: string;
  readonly value: string;
  /** Its name in `systemctl show`. */
  readonly property: string;
  /** The effect on jobs when the setting differs. */
  readonly why: string;
  /** Whether a value, as the unit or `systemctl show` gives it, is suitable. */
  isRight(value: string): boolean;
}

export interface UnitOptions {
  /** The time that an agent may need to shut down. */
  readonly shutdownSeconds: number;
  /** The command line of the agent, with absolute paths and quoted for systemd. */
  readonly command: string;
  readonly user?: string | undefined;
  readonly workingDirectory?: string | undefined;
  /** The values of `Environment=` and of `EnvironmentFile=`. */
  readonly environment?: readonly string[];
  readonly environmentFiles?: readonly string[];
}

/** Lists the settings that a service unit of an agent needs, with the reason for each. */
export function toUnitSettings({
  shutdownSeconds,
}: Pick<UnitOptions, "shutdownSeconds">): readonly UnitSetting[] {
  const same = (name: string, value: string, why: string): UnitSetting => ({
    name,
    value,
    property: name,
    why,
    isRight: (other) => other.trim().toLowerCase() === value,
  });
  return [
    same("KillMode", "process", "a restart of the service ends its running job as well"),
    {
      name: "RestartKillSignal",
      value: "SIGUSR2",
      property: "RestartKillSignal",
      why: "a restart of the service interrupts its running job instead of handing it over",
      isRight: (other) => /^((SIG)?USR2|12)$/i.test(other.trim()),
    },
    {
      ...same("Delegate", "yes", "systemd may move or remove the control groups in which jobs run"),
      // The value may also be a list of controllers.
      isRight: (other) => !/^(no|false|off|0|)$/i.test(other.trim()),
    },
    same("OOMPolicy", "continue", "a job that runs out of memory ends the agent as well"),
    {
      name: "TimeoutStopSec",
      value: `${Math.ceil(shutdownSeconds / 60)}min`,
      property: "TimeoutStopUSec",
      why: "systemd kills the agent before its job is stopped, its log delivered and its result reported",
      // 0 disables the time-out.
      isRight: (other) => (toSeconds(other) || Number.POSITIVE_INFINITY) >= shutdownSeconds,
    },
    {
      ...same(
        "StateDirectory",
        "signalman",
        "jobs and their logs are stored in the home directory of the service's user",
      ),
      isRight: (other) => other.trim() !== "",
    },
  ];
}

/**
 * Returns the time that an agent may need to shut down: the sum of all options marked `delaysShutdown`, and a
 * margin for the control plane.
 */
export function toShutdownSeconds({ options }: EffectiveConfig): number {
  const delays = options.filter(({ delaysShutdown }) => delaysShutdown);
  return delays.reduce((sum, { value }) => sum + (Number(value) || 0), disconnectSeconds);
}

/** For reporting the result and disconnecting from the control plane. */
const disconnectSeconds = 120;

/** Returns the text of a unit file. `docs/operations.md` explains each line. */
export function toServiceUnit(options: UnitOptions): string {
  const { command, user, workingDirectory, environment = [], environmentFiles = [] } = options;
  return [
    "[Unit]",
    "Description=Signalman, a CI job agent",
    "Wants=network-online.target",
    "After=network-online.target",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "WatchdogSec=2min",
    ...(user === undefined ? [] : [`User=${user}`]),
    ...(workingDirectory === undefined ? [] : [`WorkingDirectory=${workingDirectory}`]),
    ...environment.map((entry) => `Environment=${entry}`),
    ...environmentFiles.map((file) => `EnvironmentFile=${file}`),
    `ExecStart=${command}`,
    "Restart=always",
    "RestartSec=5",
    ...toUnitSettings(options).map(({ name, value }) => `${name}=${value}`),
    // So that the agent can limit its jobs. A systemd before 254 logs that it does not know the setting, and
    // ignores it.
    `DelegateSubgroup=${agentGroup}`,
    "StateDirectoryMode=0700",
    "TasksMax=infinity",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

/** A path as one word of `ExecStart`. */
export function toUnitWord(path: string): string {
  return /^[\w./@:-]+$/.test(path) ? path : JSON.stringify(path.replaceAll("%", "%%"));
}
