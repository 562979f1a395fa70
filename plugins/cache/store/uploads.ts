import { createHash, randomBytes } from "node:crypto";
import type { ContentWriter } from "./content.ts";
import { createFault } from "./fault.ts";
import type { ObjectName } from "./layout.ts";
import type { Manifest, Segment } from "./manifest.ts";
import type { NewObject } from "./new-object.ts";
import type { ObjectStore } from "./store.ts";

export interface UploadsOptions {
  readonly store: Pick<ObjectStore, "create">;
  /** Minimum bytes of each part but the last. Default: 5 MiB. */
  readonly leastPartBytes?: number;
  /** Milliseconds without a request after which an upload is removed. Default: 1 h. */
  readonly idleMs?: number;
}

/** Uploads of objects in parts. They live in memory, and end with the process: what they wrote is removed then. */
export interface Uploads extends Disposable {
  /** Begins an upload of a project, which may share the object. Throws `SlowDown` when the project has too many. */
  begin(name: ObjectName, project: string, headers: Manifest["headers"]): string;
  /** Finds an upload. Throws `NoSuchUpload`. */
  find(id: string, name: ObjectName): Upload;
}

export interface Upload {
  /** Begins a part; it counts once it is added. A part with the same number is replaced. */
  open(): Promise<ContentWriter>;
  add(number: number, part: Part): Promise<void>;
  /**
   * Makes the object of these parts. Throws `InvalidPart`, `InvalidPartOrder` and `EntityTooSmall`, after which
   * the upload is still open.
   */
  complete(parts: readonly PartName[], check?: (current: Manifest | undefined) => void): Promise<Manifest>;
  abort(): Promise<void>;
}

export interface Part {
  readonly segment: Segment;
  readonly etag: string;
  /** Checksums by the name of their header. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** How a client names a part when it completes an upload. */
export interface PartName extends Partial<Pick<Part, "checksums">> {
  readonly number: number;
  readonly etag: string;
}

interface OpenUpload extends Upload {
  readonly name: ObjectName;
  readonly project: string;
  readonly isIdle: boolean;
  readonly parts: number;
}

export function createUploads(options: UploadsOptions): Uploads {
  const { store, leastPartBytes = 5 * 1024 * 1024, idleMs = 3_600_000 } = options;
  const uploads = new Map<string, OpenUpload>();
  const timer = setInterval(() => {
    for (const upload of uploads.values()) if (upload.isIdle) void upload.abort();
  }, idleMs / 10);
  timer.unref();
  return {
    begin(name, project, headers) {
      const own = uploads.values().filter((upload) => upload.project === project);
      const [count, parts] = own.reduce(([n, sum], upload) => [n + 1, sum + upload.parts], [0, 0]);
      if (count >= mostUploads || parts >= mostParts)
        throw createFault("SlowDown", `a project can have ${mostUploads} uploads at a time: try again`);
      const id = randomBytes(24).toString("base64url");
      const end = () => uploads.delete(id);
      const content = store.create(name);
      uploads.set(id, createUpload({ content, project, headers, leastPartBytes, idleMs, end }));
      return id;
    },
    find(id, { project, key }) {
      const upload = uploads.get(id);
      if (upload?.name.project === project && upload.name.key === key) return upload;
      throw createFault("NoSuchUpload", "the upload does not exist, was aborted or completed");
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Of one project, which bounds the memory of uploads. */
const mostUploads = 64;
const mostParts = 20_000;

interface UploadOptions extends Required<Pick<UploadsOptions, "leastPartBytes" | "idleMs">> {
  readonly content: NewObject;
  readonly project: string;
  readonly headers: Manifest["headers"];
  readonly end: () => boolean;
}

function createUpload(options: UploadOptions): OpenUpload {
  const { content, project, headers, leastPartBytes, idleMs, end } = options;
  const parts = new Map<number, Part>();
  const writers = new Set<ContentWriter>();
  let usedAt = Date.now();

  const choose = (names: readonly PartName[]): Part[] =>
    names.map((name, at) => {
      const part = parts.get(name.number);
      if (at > 0 && name.number <= names[at - 1]!.number)
        throw createFault("InvalidPartOrder", "the parts are not in ascending order");
      if (part === undefined || part.etag !== name.etag || !hasChecksums(part, name))
        throw createFault(
          "InvalidPart",
          `part ${name.number} was not uploaded, or its ETag or checksum differs`,
        );
      if (at < names.length - 1 && part.segment.size < leastPartBytes)
        throw createFault("EntityTooSmall", `part ${name.number} is smaller than ${leastPartBytes} bytes`);
      return part;
    });
  return {
    name: content.name,
    project,
    get isIdle() {
      return writers.size === 0 && Date.now() - usedAt > idleMs;
    },
    get parts() {
      return parts.size;
    },
    async open() {
      const writer = await content.open();
      writers.add(writer);
      const done = (): void => {
        writers.delete(writer);
        usedAt = Date.now();
      };
      return {
        write: writer.write,
        end: () => writer.end().finally(done),
        abort: () => writer.abort().finally(done),
      };
    },
    async add(number, part) {
      const previous = parts.get(number);
      parts.set(number, part);
      if (previous) await content.discard(previous.segment);
    },
    complete(names, check) {
      const chosen = choose(names);
      end();
      const segments = chosen.map(({ segment }) => segment);
      return content.commit({ etag: toEtag(chosen), headers, segments }, check);
    },
    abort() {
      end();
      return content.abort();
    },
  };
}

function hasChecksums({ checksums }: Part, { checksums: expected = {} }: PartName): boolean {
  return Object.entries(expected).every(([name, value]) => checksums[name] === value);
}

/** The MD5 of the parts' ETags, and their number. */
function toEtag(parts: readonly Part[]): string {
  const hash = createHash("md5");
  for (const { etag } of parts) hash.update(etag);
  return `${hash.digest("hex")}-${parts.length}`;
}
