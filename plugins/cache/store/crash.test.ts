import { describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { readObject, storeObject } from "../testing/objects.ts";
import { name, toVersion } from "../testing/put-loop.ts";
import { toFault } from "./fault.ts";
import { openStore } from "./store.ts";

const capacity = 64 * 1024 * 1024;
const program = join(import.meta.dir, "../testing/put-loop.ts");
const start = (...args: string[]) =>
  Bun.spawn([process.execPath, program, ...args], { stdout: "pipe", stderr: "inherit" });

async function readVersion(root: string): Promise<number> {
  await using store = openStore({ root, capacity });
  const content = await readObject(store, name);
  if (content === undefined) return 0;
  const version = content.length - 600_000;
  expect(content.equals(toVersion(version))).toBe(true);
  await store.loaded;
  // Everything else that the dead process wrote is gone.
  expect([readdirSync(join(root, "objects")).length, readdirSync(join(root, "contents")).length]).toEqual([
    1, 1,
  ]);
  return version;
}

describe("a store whose process is killed", () => {
  test.each(["created", "half", "written", "ended", "checked"])(
    "in the phase %j of a put has the object before, and nothing else",
    async (phase) => {
      await using tmp = await tmpdir();
      const root = join(tmp.path, "cache");
      {
        await using store = openStore({ root, capacity });
        await storeObject(store, name, toVersion(1));
      }
      const child = start(root, "2", phase);
      await child.stdout.getReader().read();
      child.kill("SIGKILL");
      await child.exited;
      expect(await readVersion(root)).toBe(1);
    },
  );

  test("at any time has the last object that was stored, or the one after it, and it is whole", async () => {
    await using tmp = await tmpdir();
    const root = join(tmp.path, "cache");
    const random = createRandom(7);
    let last = 0;
    for (let round = 0; round < 15; round++) {
      const child = start(root, String(last + 1));
      const reader = child.stdout.getReader();
      let text = "";
      const rest = (async () => {
        for (let part = await reader.read(); !part.done; part = await reader.read())
          text += new TextDecoder().decode(part.value);
      })();
      while (!text.includes("\n")) await Bun.sleep(1);
      await Bun.sleep(random() * 30);
      child.kill("SIGKILL");
      await child.exited;
      await rest;
      const stored = Number(text.trim().split("\n").at(-1));
      const found = await readVersion(root);
      expect([stored, stored + 1]).toContain(found);
      last = found;
    }
  });
});

/** A disk of its own needs root. */
const canMount = process.getuid?.() === 0 && Bun.spawnSync(["sh", "-c", "command -v mount"]).exitCode === 0;

test.skipIf(!canMount)("on a full disk (needs root) a put fails and leaves the object before", async () => {
  await using tmp = await tmpdir();
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp.path]);
  // In a container without rights there is no disk to fill.
  if (mounted.exitCode !== 0) return;
  try {
    const root = join(tmp.path, "cache");
    await using store = openStore({ root, capacity });
    await storeObject(store, name, toVersion(1));
    await storeObject(store, { ...name, key: "held-1/other" }, Buffer.alloc(500_000));
    await Bun.write(join(tmp.path, "filler"), Buffer.alloc(6_600_000));
    for (const bytes of [Buffer.alloc(1_500_000), Buffer.alloc(3_000_000)]) {
      const failed = (await storeObject(store, name, bytes).catch((error: unknown) => error)) as {
        code: string;
      };
      expect(toFault(failed)?.code ?? failed.code).toBeOneOf(["InsufficientStorage", "ENOSPC"]);
    }
    expect((await readObject(store, name))?.equals(toVersion(1))).toBe(true);
    expect(listOpenFiles(join(root, "contents"))).toEqual([]);
    Bun.spawnSync(["rm", join(tmp.path, "filler")]);
    await storeObject(store, name, toVersion(3));
    expect((await readObject(store, name))?.equals(toVersion(3))).toBe(true);
    // The other object may have been evicted.
    while (readdirSync(join(root, "contents")).length > 2) await Bun.sleep(5);
  } finally {
    Bun.spawnSync(["umount", "-l", tmp.path]);
  }
});

/** Lists the files of a directory that this process has open. */
function listOpenFiles(directory: string): string[] {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return links.filter((path) => path.startsWith(directory));
}

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
