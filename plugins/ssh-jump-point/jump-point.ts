import { chmodSync, lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { AgentError, type JobRequest, toMessage } from "signalman";

/**
 * Writes the script that an SSH session on this host runs to get to the job. An earlier script, or a symbolic
 * link in its place, is replaced as a whole, so that no session runs half a script. Throws `JOB_REFUSED`.
 */
export function writeJumpPoint(path: string, job: Pick<JobRequest, "id" | "executor">): void {
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    const script = job.executor === "dockercompose" ? toContainerScript(job.id) : hostScript;
    writeFileSync(temporary, script, { flag: "wx", mode: 0o644 });
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    const message = `Failed to write the SSH jump point '${path}': ${findCulprit(path) ?? toMessage(cause)}`;
    throw new AgentError("JOB_REFUSED", message, { cause });
  }
}

/** In a directory with the sticky bit, such as /tmp, only the owner of a file can replace it. */
function findCulprit(path: string): string | undefined {
  const uid = lstatSync(path, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || uid === process.geteuid?.()) return undefined;
  return `the file belongs to another user (uid ${uid}): remove it as root, or name another path with --ssh-jump-point-path`;
}

const hostScript = `#!/bin/bash
# Session into a job of this host: a login shell, or the given command.
if [ $# -eq 0 ]; then
  exec bash --login
fi
exec "$@"
`;

/**
 * The container is found by the labels that the executor gives it. It may still be starting when the session
 * is opened.
 */
function toContainerScript(jobId: string): string {
  return `#!/bin/bash
# Session into the first container of a job: a login shell, or the given command.
find_container() {
  docker ps --quiet --filter label=signalman/job-id=${jobId} --filter label=signalman/purpose=session | head -n 1
}
for _ in {1..120}; do
  container=$(find_container)
  [ -n "$container" ] && break
  sleep 0.5
done
if [ -z "$container" ]; then
  echo "The job's container is not running." >&2
  exit 1
fi
if [ $# -eq 0 ]; then
  exec docker exec --interactive --tty "$container" bash --login
fi
exec docker exec --interactive "$container" "$@"
`;
}
