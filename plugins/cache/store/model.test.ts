import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { tmpdir } from "signalman/testing";
import { readObject, storeObject } from "../testing/objects.ts";
import { blockBytes } from "./manifest.ts";
import { createSortedKeys, type KeyPage, type ListOptions } from "./sorted-keys.ts";
import { openStore } from "./store.ts";

const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What S3 lists, written down plainly: the whole answer is made first, and the page is cut out of it. */
function listPlainly(keys: ReadonlySet<string>, { prefix, after, delimiter, most }: ListOptions): KeyPage {
  const items = new Map<string, boolean>();
  for (const key of [...keys].sort(compare)) {
    if (!key.startsWith(prefix) || (after !== "" && compare(key, after) <= 0)) continue;
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const item = end === -1 ? key : key.slice(0, end + delimiter.length);
    if (end !== -1 && after.startsWith(item)) continue;
    items.set(item, end !== -1);
  }
  const page = [...items].slice(0, most);
  return {
    keys: page.flatMap(([item, isPrefix]) => (isPrefix ? [] : [item])),
    prefixes: page.flatMap(([item, isPrefix]) => (isPrefix ? [item] : [])),
    next: items.size > page.length ? page.at(-1)?.[0] : undefined,
  };
}

const key = fc.string({
  unit: fc.constantFrom("a", "b", "/", "é", "\uffee", "\u{1f600}", "\0"),
  maxLength: 6,
});

test("keys are listed as S3 lists them", () => {
  const options = fc.record({
    prefix: fc.string({ unit: fc.constantFrom("a", "/", "é"), maxLength: 2 }),
    after: key,
    delimiter: fc.constantFrom("", "/", "a/", "é"),
    most: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(key), fc.array(key), fc.array(key), options, (first, added, removed, each) => {
      const keys = new Set(first);
      const sorted = createSortedKeys(keys);
      for (const one of added) keys.add(one);
      added.forEach(sorted.add);
      for (const one of removed) keys.delete(one);
      removed.forEach(sorted.delete);
      expect(sorted.list(each)).toEqual(listPlainly(keys, each));
    }),
    { numRuns: 3000, seed: 5 },
  );
});

test("10,000 random operations of 20 clients, with restarts, have the results of a map", async () => {
  await using tmp = await tmpdir();
  const open = () => openStore({ root: join(tmp.path, "cache"), capacity: 2 ** 30 });
  const random = createRandom(11);
  const pick = (most: number) => Math.floor(random() * most);
  const models = Array.from({ length: 20 }, () => new Map<string, Buffer>());
  let store = open();

  const operate = async (client: number): Promise<void> => {
    const model = models[client]!;
    const name = { project: `project-${client % 5}`, key: `${client}/${pick(8)}` };
    const kind = pick(10);
    if (kind < 3) {
      const sizes = [0, 1, pick(2000), blockBytes + pick(3)];
      const content = Buffer.alloc(sizes[pick(4)]!, pick(256));
      await storeObject(store, name, content);
      model.set(name.key, content);
    } else if (kind === 3) {
      expect(await store.remove(name)).toBe(model.delete(name.key));
    } else if (kind === 4) {
      const options = { prefix: `${client}/`, after: "", delimiter: "", most: 100 };
      const { entries } = await store.list(name.project, options);
      const found = entries.map((entry) => [entry.key, entry.size] as const);
      expect(found).toEqual([...model].map(([each, { length }]) => [each, length] as const).sort());
    } else if (kind === 5) {
      const content = store.create(name);
      const writer = await content.open();
      await writer.write(Buffer.alloc(pick(300_000)));
      await content.abort();
    } else {
      const expected = model.get(name.key);
      const start = pick((expected?.length ?? 0) + 1);
      const found = await readObject(store, name, start, expected?.length);
      expect(found === undefined ? undefined : found.equals(expected!.subarray(start))).toBe(
        expected === undefined ? undefined : true,
      );
    }
  };
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      models.map(async (_, client) => {
        for (let n = 0; n < 50; n++) await operate(client);
      }),
    );
    await store[Symbol.asyncDispose]();
    store = open();
  }
  await store[Symbol.asyncDispose]();
});

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
