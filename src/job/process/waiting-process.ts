import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { createCookie } from "../../os/processes/cookie.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { follow, type JobProcess, type JobProcessOptions } from "./job-process.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import { jobFiles, type JobProcessInput, type JobProcessRecord, wireVersion } from "./messages.ts";

/** A process that waits for its job, since starting takes longer than fetching a request. It leaves when its agent does. */
export interface WaitingJobProcess {
  /** For whoever takes the job over; to be on disk before it runs. */
  readonly record: JobProcessRecord;
  /** Called once. What keeps the process from running the job shows in `finished`. */
  run(request: JobRequest): JobProcess;
  /** There is no job for it. */
  dismiss(): void;
}

/**
 * The words that start this program again, as it is now: replacing it on disk does not matter to a process that runs. From source the program is
 * Bun, which gets its own switches again.
 */
export function thisProgram(): string[] {
  const self = process.platform === "linux" ? "/proc/self/exe" : process.execPath;
  return Bun.main.startsWith("/$bunfs/") ? [self] : [self, ...process.execArgv, Bun.main];
}

/** Starts a process for a job that is on its way. Throws when the system starts none. */
export function startJobProcess(
  options: Omit<JobProcessInput, "version" | "secret" | "cookie" | "directory"> &
    JobProcessOptions & {
      readonly program: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    },
): WaitingJobProcess {
  const { jobId, directory, socket, settings, plugins, log, claimTimeoutMs } = options;
  const secret = randomBytes(32).toString("hex");
  const cookie = createCookie(jobId);
  const input: JobProcessInput = {
    version: wireVersion,
    settings,
    plugins,
    directory,
    socket,
    secret,
    cookie,
    claimTimeoutMs,
    log,
  };
  const output = openSync(join(directory, jobFiles.output), "a", 0o600);
  try {
    const child = Bun.spawn([...options.program, "job-process", jobId], {
      argv0: process.argv0,
      env: { ...options.env },
      detached: true,
      stdin: "pipe",
      stdout: output,
      stderr: output,
    });
    child.unref();
    void tell(child.stdin, input, "more follows");
    return {
      record: { version: wireVersion, pid: child.pid, bootId: readBootId(), socket, secret, cookie },
      run(request) {
        void tell(child.stdin, request, "that is all");
        return follow({ ...options, secret, child });
      },
      dismiss: () => child.kill(),
    };
  } finally {
    closeSync(output);
  }
}

async function tell(
  stdin: Bun.FileSink,
  value: unknown,
  then: "more follows" | "that is all",
): Promise<void> {
  try {
    await stdin.write(`${JSON.stringify(value)}\n`);
    await (then === "that is all" ? stdin.end() : stdin.flush());
  } catch {
    // It is dead, as whoever follows it finds out.
  }
}
