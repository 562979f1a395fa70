import { existsSync, mkdirSync } from "node:fs";
import { mkdir, open, rename, rm, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readHostFile } from "signalman/host";
import type { Driver } from "unstorage";
import fsLite from "unstorage/drivers/fs-lite";

/**
 * An unstorage driver with durable files: a value is written to a temporary file, synced and renamed, and the
 * directory is synced. The drivers of unstorage write in place, so a crash may truncate or lose acknowledged
 * values. The files are readable by their owner only, since jobs contain secrets.
 */
export function durableDriver(base: string): Driver {
  const root = resolve(base);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const files = fsLite({ base: root, ignore: (name) => name.endsWith(temporary) });
  const toPath = (key: string): string => join(root, ...key.split(":"));
  const write = async (key: string, value: string | Uint8Array): Promise<void> => {
    const path = toPath(key);
    await makeDirectory(dirname(path), root);
    await writeDurably(`${path}${temporary}`, value);
    await rename(`${path}${temporary}`, path);
    await syncDirectory(dirname(path));
  };
  return {
    ...files,
    name: "durable-fs",
    setItem: write,
    setItemRaw: write,
    // The package would wait for a FIFO.
    getItemRaw: (key) => (existsSync(toPath(key)) ? readHostFile(toPath(key), { maxBytes }) : null),
    async removeItem(key) {
      const path = toPath(key);
      await unlink(path);
      await syncDirectory(dirname(path));
    },
  };
}

const temporary = ".part";
/** Logs are stored in parts; a job's request is at most as large. */
const maxBytes = 256 * 2 ** 20;

async function writeDurably(path: string, value: string | Uint8Array): Promise<void> {
  // What is there, a part that a crash has left or a link, is replaced and not written to.
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(value);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function makeDirectory(path: string, root: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  // A new directory is durable only once its parents are synced.
  for (let above = dirname(path); above.startsWith(root); above = dirname(above)) await syncDirectory(above);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
