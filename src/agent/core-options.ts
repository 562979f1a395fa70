import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { agentEntries } from "./agent-options.ts";
import { bytes } from "../core/config/bytes.ts";
import { coreName } from "../core/config/flags.ts";
import type { OptionOwner } from "../core/contracts/options.ts";
import { toLogLevel } from "../core/logger/logger.ts";
import type { Flags } from "../core/contracts/plugin.ts";

/** The core's own options, as they come out of validation. */
export type CoreConfig = v.InferOutput<typeof coreConfig>;

const logLevels = ["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"] as const;

/**
 * Metadata that schemas carry for us: `secret`; `from`, where an option may come from besides its flag; `hint`, what a
 * value is in a word; `defaultText`, the default in words where it depends on the machine; `status`, what has become of it.
 */
export const coreConfig = v.strictObject({
  "config-file": v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected the path of a file"),
      v.description("The configuration file: YAML, JSON, JSONC, TOML, TypeScript or JavaScript"),
      v.metadata({ hint: "file", from: [], defaultText: "signalman.config.* in the working directory" }),
    ),
  ),
  "config-env": v.optional(
    v.pipe(
      v.string(),
      v.description("Which layer of the configuration file to put on top: `$<name>:` or `$env.<name>`"),
      v.metadata({ hint: "name", from: ["environment"], defaultText: "none" }),
    ),
  ),
  "log-level": v.optional(
    v.pipe(
      v.picklist(logLevels),
      v.description("How grave a line must be to enter the agent's log"),
      v.transform(toLogLevel),
    ),
    "info",
  ),
  "log-format": v.optional(
    v.pipe(v.picklist(["human", "json"]), v.description("How the agent's log is written")),
    "human",
  ),
  "log-file-path": v.pipe(
    v.optional(v.pipe(v.string(), v.nonEmpty("expected the path of a file")), () =>
      join(tmpdir(), "agent_log"),
    ),
    v.description("The agent's log file; appended to"),
    v.metadata({ hint: "file", defaultText: "<tmpdir>/agent_log" }),
  ),
  "log-file-size": v.optional(
    bytes(
      "How large the agent's log file may get before it is put aside as `<file>.1`; 0: as large as it likes",
    ),
    "100MiB",
  ),
  "log-file-count": v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number"),
      v.minValue(0, "expected 0 or more"),
      v.maxValue(1000, "expected 1000 at most"),
      v.description("How many older log files of the agent are kept: `<file>.1` is the latest"),
    ),
    3,
  ),
  "state-dir": v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected the path of a directory"),
      v.description("Where jobs, their logs and the agent's state are kept"),
      v.metadata({
        hint: "directory",
        defaultText: "$STATE_DIRECTORY, $XDG_STATE_HOME/signalman or ~/.local/state/signalman",
      }),
    ),
  ),
  "stop-grace-period": v.optional(
    v.pipe(
      v.number(),
      v.minValue(0, "expected 0 or more seconds"),
      v.description("Seconds from SIGTERM to SIGKILL when a job is stopped"),
      v.metadata({ hint: "seconds", delaysShutdown: true }),
    ),
    10,
  ),
  "log-disk-limit": v.optional(
    bytes("Bytes of a job's log kept on disk; what a job prints beyond is dropped and counted"),
    "1GiB",
  ),
  "job-report": v.optional(
    v.pipe(v.boolean(), v.description("End a job's log with a block about what the job used")),
    false,
  ),
  "terminal-size": v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,4}x\d{1,4}$/, "expected <columns>x<rows>, such as 120x40"),
      v.description("Columns and rows of a job's terminal, such as 120x40"),
      v.metadata({ hint: "size" }),
      v.transform((text) => {
        const [columns, rows] = text.split("x").map(Number) as [number, number];
        return { columns, rows };
      }),
    ),
    "0x0",
  ),
  executors: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description("Another executor in the place of one that jobs ask for: `shell=bubblewrap`"),
    ),
    {},
  ),
  ...agentEntries,
});

const flags: Flags<v.InferInput<typeof coreConfig>> = {
  "config-file": "config-file",
  "config-env": "config-env",
  "log-level": "log-level",
  "log-format": "log-format",
  "log-file-path": "log-file-path",
  "log-file-size": "log-file-size",
  "log-file-count": "log-file-count",
  "state-dir": "state-dir",
  "stop-grace-period": "stop-grace-period",
  "log-disk-limit": "log-disk-limit",
  "job-report": "job-report",
  "terminal-size": "terminal-size",
  executors: "executors",
  "control-plane": "control-plane",
  slots: "slots",
  "slot-home": "slot-home",
  "env-vars": "env-vars",
  files: "files",
  "fail-on-missing-files": "fail-on-missing-files",
  "log-flush-timeout": "log-flush-timeout",
  "claim-timeout": "claim-timeout",
  "kept-logs-size": "kept-logs-size",
  "kept-logs-days": "kept-logs-days",
};

/** The core declares its options as a plugin does. */
export const coreOptions: OptionOwner = { name: coreName, config: coreConfig, flags };
