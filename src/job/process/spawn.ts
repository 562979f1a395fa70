import { closeSync } from "node:fs";
import { join } from "node:path";
import type { JobUser } from "../../core/contracts/executor-options.ts";
import { toGroupDirectory } from "../../os/cgroup/place.ts";
import { createCookie } from "../../os/processes/cookie.ts";
import { randomHex } from "../../core/text/random.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { openStateFile } from "../../os/state/file.ts";
import type { JobSettings } from "../settings.ts";
import { jobProcessCommand } from "../state/job-lock.ts";
import { jobFiles, type JobProcessRecord } from "../state/job-files.ts";
import type { JobProcessInput, ReceivedJob } from "./input.ts";
import { wireVersion } from "../control/messages.ts";

/** Settings that all job processes of an agent share. */
export interface SpawnOptions {
  /** The command line that starts this program. */
  readonly program: readonly string[];
  /** The environment of job processes: the agent's without its secrets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly plugins: JobProcessInput["plugins"];
  readonly baseDirectory: string;
  readonly log: JobProcessInput["log"];
  readonly settings: JobSettings;
  readonly claimTimeoutMs: number;
}

/** The place of a job in the state directory. */
export interface JobPlace {
  readonly jobId: string;
  /** The job's state directory. */
  readonly directory: string;
  readonly logger: Logger;
}

export interface NewJobPlace extends JobPlace {
  /** Path of the process's control socket. */
  readonly socket: string;
  /** The job's home directory. Left out: the login profile decides. */
  readonly home?: string | undefined;
  /** The user of the job's processes. Left out: the agent's. */
  readonly user?: JobUser | undefined;
  /** The agent's slot that runs the job, and its name in the control plane. */
  readonly slot: number;
  readonly agentName?: string | undefined;
}

export interface SpawnedJobProcess {
  readonly child: Bun.Subprocess;
  readonly record: JobProcessRecord;
  /** Sends the job. Called once. */
  send(job: ReceivedJob): void;
}

/**
 * Starts a detached process and sends its input. `earlier`: the record of the dead process of the job that it
 * continues. Throws when the system cannot start it.
 */
export function spawnJobProcess(
  options: SpawnOptions,
  place: NewJobPlace,
  earlier?: JobProcessRecord,
): SpawnedJobProcess {
  const { jobId, directory, socket, user } = place;
  const { program, environment, plugins, baseDirectory, log, settings, claimTimeoutMs } = options;
  const secret = randomHex(32);
  const cookie = earlier?.cookie ?? createCookie(jobId);
  const controlGroup = toGroupDirectory(settings.agentId, cookie);
  const input: JobProcessInput = {
    version: wireVersion,
    settings: toPlacedSettings(settings, place),
    plugins,
    baseDirectory,
    directory,
    socket,
    secret,
    cookie,
    controlGroup,
    claimTimeoutMs,
    log,
    ...(earlier && { isContinued: true }),
  };
  const output = openStateFile(join(directory, jobFiles.output), "append");
  try {
    const child = Bun.spawn([...program, jobProcessCommand, jobId], {
      argv0: process.argv0,
      env: { ...environment },
      detached: true,
      stdin: "pipe",
      stdout: output,
      stderr: output,
    });
    child.unref();
    void write(child.stdin, input, "flush");
    return {
      child,
      record: {
        version: wireVersion,
        pid: child.pid,
        bootId: readBootId(),
        socket,
        secret,
        cookie,
        ...(user && { uid: user.uid, isExclusive: user.isExclusive }),
        controlGroup,
      },
      send: (job) => void write(child.stdin, job, "end"),
    };
  } finally {
    closeSync(output);
  }
}

function toPlacedSettings(settings: JobSettings, { home, user, slot, agentName }: NewJobPlace): JobSettings {
  return {
    ...settings,
    slot,
    ...(agentName !== undefined && { agentName }),
    ...(home !== undefined && { home }),
    ...(user !== undefined && { user }),
  };
}

async function write(stdin: Bun.FileSink, value: unknown, then: "flush" | "end"): Promise<void> {
  try {
    await stdin.write(`${JSON.stringify(value)}\n`);
    await stdin[then]();
  } catch {
    // The process is dead, which its follower detects.
  }
}
