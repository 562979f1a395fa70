import { type Finding, toSize } from "signalman";
import { statfs } from "node:fs/promises";

const warningBytes = 2 ** 30;
const errorBytes = 64 * 2 ** 20;
const warningInodes = 10_000;

/** Reports the free space of the file system that contains `path`. `subject`: what the directory is, for messages. */
export async function findFreeSpace(path: string, subject: string): Promise<Finding[]> {
  const { bsize, bavail, files, ffree } = await statfs(path);
  const free = bsize * bavail;
  // Some file systems create inodes on demand and report none.
  const inodes = files === 0 ? Number.POSITIVE_INFINITY : ffree;
  const where = `${subject} "${path}"`;
  const remedy = `free space there: \`df -h ${path}\` and \`df -i ${path}\` show the usage`;
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
  return [{ level: "ok", title: `free space in the ${where}: ${toSize(free)}${count}` }];
}
