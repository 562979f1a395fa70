/** Limits of the resources that a job's processes use together. A limit that is left out is not set. */
export interface JobLimits {
  /** Bytes of memory (`job-memory`). */
  readonly memoryBytes?: number;
  /** Number of CPUs, fractions allowed (`job-cpus`). */
  readonly cpus?: number;
  /** Number of processes and threads (`job-pids`). */
  readonly pids?: number;
}

/** A user of this host as which a job's processes run (`shell-user`). */
export interface JobUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** All groups, the primary one included. */
  readonly groups: readonly number[];
  readonly home: string;
  readonly shell: string;
  /** Nothing else runs as this user: at the end of a job, every process of the user is ended. */
  readonly isExclusive: boolean;
}

/** What jobs in containers and pods get of the operator. They have none of this host's settings. */
export interface JobProvisions {
  /** File of this host with certificate authorities, PEM (`job-ca-file`). */
  readonly caFile?: string;
  /** URL of the proxy (`job-proxy`). */
  readonly proxy?: string;
  /** Hosts and suffixes that are reached without the proxy (`job-no-proxy`). */
  readonly noProxy?: readonly string[];
  /** Directory of the toolbox, in the container (`toolbox-path`). */
  readonly toolboxPath?: string;
}

/** Settings of a job that apply to every executor. */
export interface ExecutorOptions {
  /** Milliseconds from SIGTERM to SIGKILL (`stop-grace-period`). */
  readonly stopGraceMs: number;
  /** Size of the job's terminal (`terminal-size`). 0 × 0 by default, as in the reference (protocol section 13a). */
  readonly terminalSize: { readonly rows: number; readonly columns: number };
  /** The job's initial working directory and its `HOME` on this host. Left out: as the login profile sets them. */
  readonly home?: string;
  /** The user of the job's processes on this host. Left out: the agent's. */
  readonly user?: JobUser;
  /** Limits that the executor enforces. It receives only those that it declares in `ExecutorFactory.enforcesLimits`. */
  readonly limits: JobLimits;
  /** Left out: none. Executors on this host ignore them. */
  readonly provisions?: JobProvisions;
}
