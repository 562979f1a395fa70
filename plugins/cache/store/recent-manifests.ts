import { countBlocks, type Manifest } from "./manifest.ts";

/** The manifests of objects that are being read range by range, which need not be read for each of them. */
export interface RecentManifests {
  get(generation: string): Manifest | undefined;
  add(manifest: Manifest): void;
}

/** Keeps manifests of some megabytes together, those that were used last. */
export function createRecentManifests(mostBytes = 4 * 1024 * 1024): RecentManifests {
  const manifests = new Map<string, Manifest>();
  let bytes = 0;
  const remove = (generation: string, manifest: Manifest): void => {
    if (manifests.delete(generation)) bytes -= toBytes(manifest);
  };
  return {
    get(generation) {
      const manifest = manifests.get(generation);
      if (manifest === undefined) return undefined;
      manifests.delete(generation);
      manifests.set(generation, manifest);
      return manifest;
    },
    add(manifest) {
      if (manifests.has(manifest.generation)) return;
      manifests.set(manifest.generation, manifest);
      bytes += toBytes(manifest);
      for (const [generation, oldest] of manifests) {
        if (bytes <= mostBytes) return;
        remove(generation, oldest);
      }
    },
  };
}

/** Roughly. */
function toBytes({ segments }: Manifest): number {
  return 4096 + segments.reduce((sum, { size }) => sum + 256 + 8 * countBlocks(size), 0);
}
