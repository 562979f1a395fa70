import type { EffectiveConfig } from "../../core/contracts/options.ts";
import { toSeconds } from "./time-span.ts";

/** What a `[Service]` section must say so that jobs go on when their agent is restarted, and leave in order when it is stopped. */
export interface UnitSetting {
  readonly name: string;
  readonly value: string;
  /** Its name in `systemctl show`. */
  readonly property: string;
  /** What becomes of jobs where it is not so. */
  readonly why: string;
  /** Whether a value, as the unit or `systemctl show` has it, does as well. */
  isRight(value: string): boolean;
}

export interface UnitOptions {
  /** How long an agent that is stopped may take to leave, in seconds. */
  readonly leaveSeconds: number;
  /** What starts the agent: absolute paths, each word as systemd wants it. */
  readonly command: string;
  readonly user?: string | undefined;
  readonly workingDirectory?: string | undefined;
  /** What stands behind each `Environment=`. */
  readonly environment?: readonly string[];
}

export function toUnitSettings({ leaveSeconds }: Pick<UnitOptions, "leaveSeconds">): readonly UnitSetting[] {
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
      why: "a restart of the service interrupts its running job, and does not hand it over",
      isRight: (other) => /^((SIG)?USR2|12)$/i.test(other.trim()),
    },
    {
      ...same("Delegate", "yes", "systemd may move or remove the control groups in which jobs run"),
      // Or the names of controllers.
      isRight: (other) => !/^(no|false|off|0|)$/i.test(other.trim()),
    },
    same("OOMPolicy", "continue", "a job that runs out of memory takes the agent with it"),
    {
      name: "TimeoutStopSec",
      value: String(leaveSeconds),
      property: "TimeoutStopUSec",
      why: "systemd kills the agent before its job is stopped, its log delivered and its result reported",
      // 0 turns it off.
      isRight: (other) => (toSeconds(other) || Number.POSITIVE_INFINITY) >= leaveSeconds,
    },
    {
      ...same(
        "StateDirectory",
        "signalman",
        "jobs and their logs are kept in a home directory, if there is one",
      ),
      isRight: (other) => other.trim() !== "",
    },
  ];
}

/** How long an agent may take to leave: its running job's grace, its log's delivery, and the last words to the control plane. */
export function toLeaveSeconds({ options }: EffectiveConfig): number {
  const keys = [
    "interruption-grace-period",
    "stop-grace-period",
    "log-flush-timeout",
    "artifact-upload-timeout",
  ];
  const durations = options.filter(({ key }) => keys.includes(key)).map(({ value }) => Number(value) || 0);
  return durations.reduce((sum, seconds) => sum + seconds, lastWordsSeconds);
}

const lastWordsSeconds = 120;

/** A whole unit. */
export function toServiceUnit(options: UnitOptions): string {
  const { command, user, workingDirectory, environment = [] } = options;
  return [
    "[Unit]",
    "Description=Signalman, an agent that runs CI jobs",
    "Wants=network-online.target",
    "After=network-online.target",
    "",
    "[Service]",
    `ExecStart=${command}`,
    ...(user === undefined ? [] : [`User=${user}`]),
    ...(workingDirectory === undefined ? [] : [`WorkingDirectory=${workingDirectory}`]),
    ...environment.map((entry) => `Environment=${entry}`),
    "Restart=always",
    "RestartSec=60",
    ...toUnitSettings(options).map(({ name, value }) => `${name}=${value}`),
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}
