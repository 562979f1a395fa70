import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isRoot } from "./users.ts";

/** A small file system. Disposal unmounts it, even if it is in use. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Uses up all space. */
  fill(): void;
  /** Uses up all inodes. */
  fillInodes(): void;
  /** Frees the used space and inodes. */
  free(): void;
}

/** Mounts a file system of a few hundred kilobytes. */
export function mountSmallDisk(target: string, options = "mode=700,size=512k,nr_inodes=64"): SmallDisk {
  mkdirSync(target, { recursive: true });
  runCommand(["mount", "-t", "tmpfs", "-o", options, "tmpfs", target]);
  const filler = path.join(target, "filler");
  return {
    path: target,
    fill() {
      mkdirSync(filler, { recursive: true });
      const fd = openSync(path.join(filler, "room"), "a");
      for (let size = 65_536; size > 0;) {
        try {
          writeSync(fd, Buffer.alloc(size));
        } catch {
          size >>= 1;
        }
      }
      closeSync(fd);
    },
    fillInodes() {
      mkdirSync(filler, { recursive: true });
      try {
        for (let n = 0; ; n += 1) writeFileSync(path.join(filler, `name-${n}`), "");
      } catch {
        // No inode is left.
      }
    },
    free: () => rmSync(filler, { recursive: true, force: true }),
    async [Symbol.asyncDispose]() {
      unmount(target);
    },
  };
}

/** A file system that can become read-only while files on it are open, as after a hardware error. */
export interface FailingDisk extends AsyncDisposable {
  readonly path: string;
  /** Makes the kernel remount the file system read-only. */
  fail(): void;
}

export async function mountFailingDisk(target: string): Promise<FailingDisk> {
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-disk-"));
  const image = path.join(directory, "image");
  writeFileSync(image, "");
  runCommand(["truncate", "-s", "8M", image]);
  runCommand(["mkfs.ext4", "-q", image]);
  mkdirSync(target, { recursive: true });
  runCommand(["mount", "-o", "loop,errors=remount-ro", image, target]);
  const device = path.basename(runCommand(["findmnt", "-no", "SOURCE", target]).trim());
  return {
    path: target,
    fail: () => writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, "a test\n"),
    async [Symbol.asyncDispose]() {
      unmount(target);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

// Tests that need a mount are skipped where it is not possible; their names give the reason.
export const canMount = isRoot && (await probe(async (target) => mountSmallDisk(target)));
export const canFail =
  canMount && existsSync("/sys/fs/ext4") && (await probe((target) => mountFailingDisk(target)));
export const needsMount = canMount ? "" : " (skipped: needs root and mount)";
export const needsFailing = canFail ? "" : " (skipped: needs root, loop devices and ext4)";

async function probe(mount: (target: string) => Promise<AsyncDisposable>): Promise<boolean> {
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-probe-"));
  try {
    await using _disk = await mount(path.join(directory, "disk"));
    return true;
  } catch {
    return false;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function unmount(target: string): void {
  runCommand(["umount", "--lazy", target]);
}

function runCommand(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0)
    throw new Error(`"${command.join(" ")}" exited with status ${exitCode}: ${stderr.toString()}`);
  return stdout.toString();
}
