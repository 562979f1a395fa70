import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobResult } from "signalman";

/** A job that this agent has taken. */
export interface ClaimedJob {
  readonly id: string;
  /** The YAML text, as it was put into the directory. */
  read(): Promise<string>;
  /** Whether a file `running/<id>.stop` requests a stop. */
  isStopRequested(): boolean;
  /** Writes the result, then forgets the claim. Throws when the result could not be written. */
  report(result: JobResult): void;
}

/**
 * The directory of jobs. `*.yaml`: waiting jobs. `running/<id>.yaml`: jobs that an agent has claimed.
 * `done/<id>.yaml` and `done/<id>.json`: jobs with their result.
 */
export interface Folder {
  /**
   * Claims the waiting job whose name is first. A rename either succeeds or fails as a whole, so two agents
   * never get the same job.
   */
  claimNext(): ClaimedJob | undefined;
  /** Opens a job that an earlier process has claimed; `undefined` when it is not in `running`. */
  open(id: string): ClaimedJob | undefined;
}

/**
 * Opens a directory of jobs and creates its subdirectories. `onClaim` is called with the id of a job just
 * before it is claimed.
 */
export function openFolder(directory: string, onClaim: (id: string) => void): Folder {
  const running = join(directory, "running");
  const done = join(directory, "done");
  for (const path of [running, done]) mkdirSync(path, { recursive: true });

  const toJob = (id: string): ClaimedJob => ({
    id,
    read: () => readFile(join(running, `${id}.yaml`), "utf8"),
    isStopRequested: () => existsSync(join(running, `${id}.stop`)),
    report(result) {
      // The result appears as a whole, and before the claim is gone: a crash in between repeats the report.
      const temporary = join(done, `.${id}.json`);
      writeFileSync(temporary, `${JSON.stringify({ id, result })}\n`, { flush: true });
      renameSync(temporary, join(done, `${id}.json`));
      renameSync(join(running, `${id}.yaml`), join(done, `${id}.yaml`));
      rmSync(join(running, `${id}.stop`), { force: true });
    },
  });

  return {
    open: (id) => (existsSync(join(running, `${id}.yaml`)) ? toJob(id) : undefined),
    claimNext() {
      const waiting = readdirSync(directory).filter(
        (name) => name.endsWith(".yaml") && !name.startsWith("."),
      );
      for (const name of waiting.toSorted()) {
        const id = toId(name);
        onClaim(id);
        if (tryRename(join(directory, name), join(running, `${id}.yaml`))) return toJob(id);
      }
      return undefined;
    },
  };
}

/**
 * A submitter that wants to know the id of its job names the file by a UUID. Any other job gets a new id,
 * since ids are unique.
 */
function toId(name: string): string {
  const stem = name.slice(0, -".yaml".length);
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(stem) ? stem : randomUUID();
}

/** Returns `false` when another agent was faster. */
function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
