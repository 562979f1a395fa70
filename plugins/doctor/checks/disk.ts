import { type Finding, toSize } from "signalman";
import { statfs } from "node:fs/promises";

const warningBytes = 2 ** 30;
const errorBytes = 64 * 2 ** 20;
const warningInodes = 10_000;

/** How much room there is where `path` lies. */
export async function findRoom(path: string, what: string): Promise<Finding[]> {
  const { bsize, bavail, files, ffree } = await statfs(path);
  const free = bsize * bavail;
  // Some file systems make inodes as they are needed, and tell of none.
  const inodes = files === 0 ? Number.POSITIVE_INFINITY : ffree;
  const where = `${what} "${path}"`;
  const remedy = `make room there: \`df -h ${path}\` and \`df -i ${path}\` show how much there is`;
  if (free < errorBytes) {
    return [{ level: "error", title: `the disk of the ${where} is full: ${toSize(free)} left`, remedy }];
  }
  if (inodes < warningInodes) {
    const level = inodes === 0 ? "error" : "warning";
    return [{ level, title: `the file system of the ${where} has ${inodes} inodes left`, remedy }];
  }
  if (free < warningBytes) {
    return [{ level: "warning", title: `the disk of the ${where} has ${toSize(free)} left`, remedy }];
  }
  const count = Number.isFinite(inodes) ? `, ${inodes} inodes` : "";
  return [{ level: "ok", title: `room in the ${where}: ${toSize(free)}${count}` }];
}
