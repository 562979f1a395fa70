import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { collect, readObject, storeObject } from "../testing/objects.ts";
import { toFault } from "./fault.ts";
import { createLayout } from "./layout.ts";
import { blockBytes } from "./manifest.ts";
import { openStore } from "./store.ts";

const name = { project: "held-1", key: "held-1/modules" };
const everything = { prefix: "", after: "", delimiter: "", most: 1000 };
const capacity = 64 * 1024 * 1024;

async function scene(options: Partial<Parameters<typeof openStore>[0]> = {}) {
  const tmp = await tmpdir();
  const root = join(tmp.path, "cache");
  const store = openStore({ root, capacity, ...options });
  return {
    root,
    store,
    contents: () => readdirSync(join(root, "contents")),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await tmp[Symbol.asyncDispose]();
    },
  };
}

describe("an object", () => {
  test.each([0, 1, blockBytes - 1, blockBytes, blockBytes * 3 + 7])(
    "of %d bytes is read as written",
    async (size) => {
      await using at = await scene();
      const bytes = crypto.getRandomValues(Buffer.alloc(size).subarray(0, Math.min(size, 65_536)));
      const content = Buffer.alloc(size, bytes);
      await storeObject(at.store, name, content);
      expect((await readObject(at.store, name))?.equals(content)).toBe(true);
      for (const [start, end] of [
        [0, 1],
        [size - 1, size],
        [blockBytes - 1, blockBytes + 1],
      ] as const)
        if (start >= 0 && end <= size)
          expect((await readObject(at.store, name, start, end))?.equals(content.subarray(start, end))).toBe(
            true,
          );
    },
  );

  test("is not visible before it is committed, and its files are gone after an abort", async () => {
    await using at = await scene();
    const begun = at.store.create(name);
    const writer = await begun.open();
    await writer.write(Buffer.alloc(blockBytes * 2));
    expect(await at.store.open(name)).toBeUndefined();
    expect(at.contents()).toHaveLength(1);
    await begun.abort();
    expect(at.contents()).toEqual([]);
  });

  test("that is replaced is read to its end by those who have opened it, and its files are removed then", async () => {
    await using at = await scene();
    await storeObject(at.store, name, Buffer.alloc(blockBytes * 2, "a"));
    const before = (await at.store.open(name))!;
    await storeObject(at.store, name, Buffer.from("b"));
    expect(String(await readObject(at.store, name))).toBe("b");
    const pieces = await collect(before.read(0, blockBytes * 2));
    expect(pieces.equals(Buffer.alloc(blockBytes * 2, "a"))).toBe(true);
    expect(at.contents()).toHaveLength(2);
    before[Symbol.dispose]();
    await until(() => at.contents().length === 1);
  });

  test.each([
    ["..", "a"],
    ["../../etc/passwd", "b"],
    [" ", "c"],
    ["nul\0nul", "d"],
    ["ü".repeat(512), "e"],
    ["é", "f"],
    ["é", "g"],
    [".", "h"],
  ])("has any name: %p", async (key, text) => {
    await using at = await scene();
    for (const project of ["held-1", "held-10", "..", "held-1/"])
      await storeObject(at.store, { project, key }, Buffer.from(text + project));
    for (const project of ["held-1", "held-10", "..", "held-1/"])
      expect(String(await readObject(at.store, { project, key }))).toBe(text + project);
    expect(readdirSync(at.root).toSorted()).toEqual(["contents", "lock", "objects"]);
    expect(readdirSync(join(at.root, "objects")).every((file) => /^[0-9a-f]{64}$/.test(file))).toBe(true);
  });

  test("of one project is not that of another, whose name and key are the same text together", async () => {
    await using at = await scene();
    await storeObject(at.store, { project: "a", key: "bc" }, Buffer.from("1"));
    expect(await at.store.open({ project: "ab", key: "c" })).toBeUndefined();
  });
});

describe("damage", () => {
  const damage = async (change: (paths: { manifest: string; content: string }) => void) => {
    await using at = await scene();
    await storeObject(at.store, name, Buffer.alloc(blockBytes * 3, "a"));
    const manifest = createLayout(at.root).manifest(name);
    change({ manifest, content: join(at.root, "contents", at.contents()[0]!) });
    const outcome = await readObject(at.store, name).catch((error: Error) => error.message);
    return { outcome, later: await at.store.open(name), files: existsSync(manifest) };
  };

  test("of a block fails the read before its bytes, and the object is removed", async () => {
    const { outcome, ...rest } = await damage(({ content }) => {
      const bytes = readFileSync(content);
      bytes[blockBytes + 5]! ^= 1;
      writeFileSync(content, bytes);
    });
    expect(outcome).toContain("the checksum of block 1 is wrong");
    expect(rest).toEqual({ later: undefined, files: false });
  });

  test.each([
    ["a flipped bit in the manifest", (bytes: Buffer) => void (bytes[40]! ^= 4)],
    ["a flipped bit in the hashes", (bytes: Buffer) => void (bytes[bytes.length - 12]! ^= 4)],
  ])("that is %s makes the object missing", async (_, flip) => {
    const found = await damage(({ manifest }) => {
      const bytes = readFileSync(manifest);
      flip(bytes);
      writeFileSync(manifest, bytes);
    });
    expect(found).toEqual({ outcome: undefined, later: undefined, files: false });
  });

  test.each([
    ["shorter", (path: string) => writeFileSync(path, "short")],
    ["missing", (path: string) => Bun.spawnSync(["rm", path])],
    ["a FIFO", (path: string) => Bun.spawnSync(["sh", "-c", 'rm "$0" && mkfifo "$0"', path])],
    ["a link", (path: string) => Bun.spawnSync(["sh", "-c", 'rm "$0" && ln -s /etc/passwd "$0"', path])],
  ])("of content or manifest that is %s makes the object missing", async (_, change) => {
    const missing = { outcome: undefined, later: undefined, files: false };
    expect(await damage(({ content }) => void change(content))).toEqual(missing);
    expect(await damage(({ manifest }) => void change(manifest))).toEqual(missing);
  });
});

describe("a store that is opened again", () => {
  test("has the objects, in the order of their use, and nothing else", async () => {
    await using tmp = await tmpdir();
    const root = join(tmp.path, "cache");
    {
      await using store = openStore({ root, capacity });
      await storeObject(store, name, Buffer.from("whole"));
      const half = store.create({ project: "held-1", key: "half" });
      await (await half.open()).write(Buffer.alloc(blockBytes * 2));
      writeFileSync(join(root, "objects", `${"0".repeat(64)}.${"1".repeat(32)}`), "half a manifest");
      expect(statSync(root).mode & 0o777).toBe(0o700);
    }
    await using store = openStore({ root, capacity });
    expect(String(await readObject(store, name))).toBe("whole");
    const { entries } = await store.list("held-1", everything);
    expect(entries.map(({ key, size }) => [key, size])).toEqual([[name.key, 5]]);
    expect([readdirSync(join(root, "contents")).length, readdirSync(join(root, "objects")).length]).toEqual([
      1, 1,
    ]);
  });

  test("is refused while another process has it", async () => {
    await using at = await scene();
    const code = `const { openStore } = await import(${JSON.stringify(join(import.meta.dir, "store.ts"))});
      try { openStore({ root: ${JSON.stringify(at.root)}, capacity: 1 }); } catch (error) { console.log(error.code); }
      process.exit();`;
    expect(Bun.spawnSync([process.execPath, "-e", code]).stdout.toString()).toBe("CACHE_LOCKED\n");
  });

  test("while objects are loaded: what is removed or replaced meanwhile stays so", async () => {
    await using tmp = await tmpdir();
    const root = join(tmp.path, "cache");
    const keys = Array.from({ length: 200 }, (_, n) => `key-${n}`);
    {
      await using store = openStore({ root, capacity });
      for (const key of keys) await storeObject(store, { project: "p", key }, Buffer.from("old"));
    }
    await using store = openStore({ root, capacity });
    const changes = keys.map((key, n) =>
      n % 2 === 0
        ? store.remove({ project: "p", key })
        : storeObject(store, { project: "p", key }, Buffer.from("new")),
    );
    await Promise.all([...changes, store.loaded]);
    const { entries } = await store.list("p", everything);
    expect(entries.map(({ key }) => key)).toEqual(keys.filter((_, n) => n % 2 === 1).toSorted());
    for (const { key } of entries) expect(String(await readObject(store, { project: "p", key }))).toBe("new");
  });
});

describe("an upload that finds no room", () => {
  test("is refused when it is larger than the store, and leaves nothing", async () => {
    await using at = await scene({ capacity: blockBytes * 4 });
    // Nothing is evicted or refused before.
    await at.store.loaded;
    const stored = storeObject(at.store, name, Buffer.alloc(blockBytes * 5));
    expect(toFault(await stored.catch((error: unknown) => error))?.code).toBe("EntityTooLarge");
    expect(at.contents()).toEqual([]);
    await storeObject(at.store, name, Buffer.alloc(blockBytes * 3));
  });
});

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo() && Date.now() < end;) await Bun.sleep(5);
  expect(isSo()).toBe(true);
}
