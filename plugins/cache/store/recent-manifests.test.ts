import { expect, test } from "bun:test";
import { blockBytes, type Manifest } from "./manifest.ts";
import { createRecentManifests } from "./recent-manifests.ts";

const manifest = (generation: string, blocks = 1): Manifest => ({
  project: "p",
  key: "p/a",
  generation,
  size: blocks * blockBytes,
  etag: "e",
  modifiedAt: 1,
  headers: {},
  segments: [{ file: 1, size: blocks * blockBytes, hashes: new BigUint64Array(0) }],
});

test("the manifests that were used last are kept", () => {
  const recent = createRecentManifests(10_000);
  for (const generation of ["a", "b"]) recent.add(manifest(generation));
  expect(recent.get("a")?.generation).toBe("a");
  recent.add(manifest("c"));
  expect(["a", "b", "c"].map((generation) => recent.get(generation)?.generation)).toEqual([
    "a",
    undefined,
    "c",
  ]);
});

test("a manifest that is larger than all of them together is not kept", () => {
  const recent = createRecentManifests(10_000);
  recent.add(manifest("large", 10_000));
  expect(recent.get("large")).toBeUndefined();
  recent.add(manifest("a"));
  expect(recent.get("a")?.generation).toBe("a");
});
