import type { JobLimits, JobProvisions, JobUser } from "../core/contracts/executor-options.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";

/** Path of a configuration file, and the environment that is selected in it. */
export interface ConfigurationPath {
  readonly file: string;
  readonly environment?: string;
}

/** Settings of a job that come from the agent's configuration. */
export interface JobSettings {
  /** See `ExecutorContext`. */
  readonly agentId: string;
  /** The agent's slot that runs the job, from 0. */
  readonly slot: number;
  /** The slot's name in the control plane. Left out: it has none yet. */
  readonly agentName?: string;
  /** The agent's state directory. Left out in `run`. */
  readonly stateDirectory?: string;
  readonly stopGraceMs: number;
  /** Milliseconds that all listeners of `job:stopping` have together. Left out by earlier releases: 30 s. */
  readonly stopHookMs?: number;
  readonly terminalSize: { readonly rows: number; readonly columns: number };
  readonly logDiskLimitBytes: number;
  /** Whether a job's log ends with a report of the resources that the job used (`job-report`). */
  readonly jobReport: boolean;
  /** Whether what the job uses and does is recorded beside its log. Left out: no. */
  readonly isRecorded?: boolean;
  /** The wire's name of an executor → the name of its replacement. */
  readonly executors: Readonly<Record<string, string>>;
  /** Limits of a job's resources (`job-memory`, `job-cpus`, `job-pids`). */
  readonly limits: JobLimits;
  /** What jobs in containers and pods get. Left out: nothing. */
  readonly provisions?: JobProvisions;
  /** Home directory of jobs after the login profile. Left out: as the profile sets it. */
  readonly home?: string;
  /** User of the job's processes on this host. Left out: the agent's. */
  readonly user?: JobUser;
  /** The agent's configuration, for commands of plugins that a job calls. Left out: there is no file. */
  readonly configuration?: ConfigurationPath;
  /** Variables that the agent adds to those of every job (`env-vars`); they take precedence. */
  readonly env: readonly EnvironmentVariable[];
  /** Tokens of the agent itself, which job logs must not show. */
  readonly secrets: readonly string[];
  /** Names of variables of the agent's environment that contain secrets; jobs do not inherit them. */
  readonly secretVariables: readonly string[];
}
