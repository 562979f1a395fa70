import { type ContentWriter, createContentWriter } from "./content.ts";
import { createGeneration, type ObjectName, removeFile, toFileName } from "./layout.ts";
import { type Manifest, readManifest, type Segment, writeManifest } from "./manifest.ts";
import { toEntry } from "./object-index.ts";
import type { Space } from "./space.ts";
import { removeContent, type StoreParts } from "./store-parts.ts";

/** A content that is not visible yet. */
export interface NewObject {
  readonly name: ObjectName;
  /** Begins a further file of the content. */
  open(): Promise<ContentWriter>;
  /** Removes one file. */
  discard(segment: Segment): Promise<void>;
  /**
   * Makes the content visible. `check` may refuse that by throwing; it gets the object that would be replaced.
   * Ends this content, whether it fails or not.
   */
  commit(details: ObjectDetails, check?: (current: Manifest | undefined) => void): Promise<Manifest>;
  /** Removes all files. */
  abort(): Promise<void>;
}

export interface ObjectDetails extends Pick<Manifest, "etag" | "headers"> {
  /** The files of the content, in their order. Others are removed. */
  readonly segments: readonly Segment[];
}

export function createNewObject(parts: StoreParts, name: ObjectName): NewObject {
  const { layout, index, space } = parts;
  const generation = createGeneration();
  parts.loading?.created.add(generation);
  const budget = createBudget(space, name);
  const files = createFiles((file) => layout.content(generation, file), budget);
  const end = (): void => {
    budget.end();
    parts.unfinished.delete(content);
  };

  const abort = async (): Promise<void> => {
    if (budget.isEnded) return;
    end();
    await files.removeAllBut(new Set());
  };
  const replace = async (
    { segments, ...details }: ObjectDetails,
    check: ((current: Manifest | undefined) => void) | undefined,
  ): Promise<Manifest> => {
    const path = layout.manifest(name);
    if (check) {
      const current = await readManifest(path);
      check(current === "damaged" ? undefined : current);
    }
    const size = segments.reduce((sum, segment) => sum + segment.size, 0);
    const manifest = { ...name, generation, size, modifiedAt: Date.now(), ...details, segments };
    await writeManifest(path, manifest);
    end();
    const previous = index.put(toEntry(manifest, 0));
    if (previous) void removeContent(parts, previous);
    return manifest;
  };
  const content: NewObject = {
    name,
    async open() {
      const writer = await files.open();
      // The content may have ended while the file was being created.
      if (budget.isEnded) await writer.abort();
      return writer;
    },
    async discard({ file, size }) {
      await removeFile(layout.content(generation, file));
      budget.give(size);
    },
    async commit(details, check) {
      try {
        const manifest = await parts.locks.run(toFileName(name), () => replace(details, check));
        void files.removeAllBut(new Set(details.segments.map(({ file }) => file)));
        // The new object is the last to be evicted, so that what does not fit is another one.
        space.shrink().catch(() => {});
        return manifest;
      } catch (error) {
        await abort();
        throw error;
      }
    },
    abort,
  };
  parts.unfinished.add(content);
  return content;
}

/** The bytes on disk that the index does not count yet. */
interface Budget {
  readonly isEnded: boolean;
  take(bytes: number): Promise<void>;
  give(bytes: number): void;
  end(): void;
}

function createBudget(space: Space, name: ObjectName): Budget {
  let [takenBytes, isEnded] = [0, false];
  const give = (bytes: number): void => {
    if (isEnded) return;
    space.give(name.project, bytes);
    takenBytes -= bytes;
  };
  return {
    get isEnded() {
      return isEnded;
    },
    async take(bytes) {
      await space.take(name, bytes);
      if (isEnded) space.give(name.project, bytes);
      else takenBytes += bytes;
    },
    give,
    end() {
      give(takenBytes);
      isEnded = true;
    },
  };
}

interface ContentFiles {
  open(): Promise<ContentWriter>;
  /** Removes files, also those that are being written. */
  removeAllBut(kept: ReadonlySet<number>): Promise<void>;
}

function createFiles(toPath: (file: number) => string, budget: Budget): ContentFiles {
  const writers = new Set<ContentWriter>();
  let last = 0;
  return {
    async open() {
      last += 1;
      let takenBytes = 0;
      const take = async (bytes: number): Promise<void> => {
        await budget.take(bytes);
        takenBytes += bytes;
      };
      const writer = await createContentWriter({ path: toPath(last), file: last, take });
      writers.add(writer);
      const forget = () => void writers.delete(writer);
      return {
        write: writer.write,
        end: () => writer.end().finally(forget),
        async abort() {
          await writer.abort().finally(forget);
          budget.give(takenBytes);
          takenBytes = 0;
        },
      };
    },
    async removeAllBut(kept) {
      await Promise.all(Array.from(writers, (writer) => writer.abort()));
      for (let file = 1; file <= last; file++) if (!kept.has(file)) await removeFile(toPath(file));
    },
  };
}
