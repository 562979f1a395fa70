import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { isRoot } from "./users.ts";

/** A file system of its own. Unmounted on disposal, whoever still uses it. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all the room that there is. */
  fill(): void;
  /** Takes all the names that there are. */
  fillNames(): void;
  /** Gives back what was taken. */
  free(): void;
}

/** Mounts a disk of a few hundred kilobytes at a path. */
export function mountSmall(target: string, options = "size=512k,nr_inodes=64"): SmallDisk {
  mkdirSync(target, { recursive: true });
  must(["mount", "-t", "tmpfs", "-o", options, "tmpfs", target]);
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
    fillNames() {
      mkdirSync(filler, { recursive: true });
      try {
        for (let n = 0; ; n += 1) writeFileSync(path.join(filler, `name-${n}`), "");
      } catch {
        // There are no more.
      }
    },
    free: () => rmSync(filler, { recursive: true, force: true }),
    async [Symbol.asyncDispose]() {
      unmount(target);
    },
  };
}

/** A disk that the kernel makes read-only while files on it are open, as it does after an error of the hardware. */
export interface FailingDisk extends AsyncDisposable {
  readonly path: string;
  fail(): void;
}

export async function mountFailing(target: string): Promise<FailingDisk> {
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-disk-"));
  const image = path.join(directory, "image");
  writeFileSync(image, "");
  must(["truncate", "-s", "8M", image]);
  must(["mkfs.ext4", "-q", image]);
  mkdirSync(target, { recursive: true });
  must(["mount", "-o", "loop,errors=remount-ro", image, target]);
  const device = path.basename(must(["findmnt", "-no", "SOURCE", target]).trim());
  return {
    path: target,
    fail: () => writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, "a test\n"),
    async [Symbol.asyncDispose]() {
      unmount(target);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Where nothing may be mounted, what needs it is skipped, and its name says why. */
export const canMount = isRoot && (await probe(async (target) => mountSmall(target)));
export const canFail =
  canMount && existsSync("/sys/fs/ext4") && (await probe((target) => mountFailing(target)));
export const needsMount = canMount ? "" : " (skipped: needs root, and mount)";
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
  must(["umount", "--lazy", target]);
}

function must(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`"${command.join(" ")}" ended with ${exitCode}: ${stderr.toString()}`);
  return stdout.toString();
}
