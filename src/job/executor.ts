import type { ImagePull } from "../hooks.ts";
import type { Output } from "../log/output.ts";
import type { Logger } from "../logger/logger.ts";
import type { Cookie } from "../processes/cookie.ts";
import type { JobLog } from "./log.ts";
import type { JobUsage } from "./usage.ts";
import type { EnvironmentVariable, JobFile, JobRequest } from "./request.ts";

/** Settings of a job that every executor keeps to. */
export interface ExecutorOptions {
  /** From SIGTERM to SIGKILL, in milliseconds (`stop-grace-period`). */
  readonly stopGraceMs: number;
  /** Of the job's terminal (`terminal-size`). 0 × 0 by default, as in the reference (protocol section 13a). */
  readonly terminalSize: { readonly rows: number; readonly columns: number };
  /** On the agent's host: where the job begins, and its `HOME` once the login profile is through. Left out: where the profile says. */
  readonly home?: string;
}

/** What an executor is made from. */
export interface ExecutorContext {
  readonly job: JobRequest;
  /** What processes of the job on this host start with: the agent's environment without its secrets, and with the cookie. */
  readonly environment: Readonly<Record<string, string>>;
  /** Marks the job's processes on this host, for `createJobProcesses`. Other places may ignore it. */
  readonly cookie: Cookie;
  /** A private directory (0700) of this job on the agent's host. The job removes it after the executor is disposed. */
  readonly directory: string;
  /** For blocks that the executor itself adds while it starts (`Pulling docker images...`). */
  readonly log: JobLog;
  /** Tells plugins of a pull (`image:pulled`), once for each image. Resolves when they have heard of it; never rejects. */
  readonly imagePulled: (pull: ImagePull) => Promise<void>;
  readonly logger: Logger;
  readonly options: ExecutorOptions;
}

/**
 * Where a job's commands run. Made for one job.
 *
 * 1. **`start`** prepares the place and opens the session. Blocks that it wants to show go through `context.log`. It resolves
 *    to 0, or to another code when it has said in the log why it failed; what it throws is shown in a block of its own.
 * 2. **`exportEnvironment`**, then **`injectFiles`**: each inside a block that the job has opened; lines go to `output`.
 *    `exportEnvironment` is called again before the epilogues, with what is new.
 * 3. **`run`**, any number of times, one after another, in one session: directory, variables, functions and options
 *    stay. The exit code is a value; a dead session answers 1 at once (protocol section 6.2).
 * 4. **`stop`** at any moment, concurrently with any of the above, also before and during `start`, and more than once.
 *    What runs then resolves (a command to 1) and starts nothing more: a script never goes on to its next line. After it,
 *    the calls above answer 1 at once.
 * 5. **Disposal** ends all that the job started and that is still there. Safe unstarted, after `stop`, after a failed `start`,
 *    and twice. It never throws for what the job did.
 * 6. **`usage`**, where there are figures: at any moment, also after disposal. The last answer is the job's. It has two seconds; what it
 *    does not know it leaves out, and a figure that is missing fails no job.
 *
 * `output` may be called until the call that got it has resolved, and never after. Bytes go out in the order in which
 * they came, whole: what arrives between two commands (from a background process) opens the next command's output.
 */
export interface Executor extends AsyncDisposable {
  /** `signal` aborts when the job is stopped while it starts. */
  start(signal: AbortSignal): Promise<number>;
  /** Decodes and exports; says `Exporting <NAME>` for each, sorted by name (protocol section 7). */
  exportEnvironment(env: readonly EnvironmentVariable[], output: Output): Promise<number>;
  /** Says `Injecting <path> with file mode <mode>` for each (protocol sections 3.3, 7). */
  injectFiles(files: readonly JobFile[], output: Output): Promise<number>;
  /**
   * Runs in the session, and resolves to the exit code. `silent`: the output is the caller's own, not the log's, so what came
   * between two commands waits for the next one.
   */
  run(directive: string, output: Output, options?: { silent?: boolean }): Promise<number>;
  /**
   * Ends what runs: SIGTERM to what the job started (never to its shell, which is held), SIGKILL to all after `graceMs`.
   * Resolves when it is gone. A second call with a shorter grace shortens the first.
   */
  stop(graceMs: number): Promise<void>;
  /** What the job has used up to now, after disposal all in all. */
  usage?(): Promise<JobUsage>;
}
