import { rename } from "node:fs/promises";
import {
  createFile,
  generationPattern,
  isDamage,
  type ObjectName,
  openFile,
  readFully,
  removeFile,
  writeFully,
} from "./layout.ts";

/** One file of an object's content. */
export interface Segment {
  /** The number in the file's name. */
  readonly file: number;
  /** Bytes. */
  readonly size: number;
  /** xxHash3 of each block of {@link blockBytes}; the last block may be shorter. */
  readonly hashes: BigUint64Array;
}

/** Describes a whole object. Replacing its file is what makes a new content visible. */
export interface Manifest extends ObjectName {
  readonly generation: string;
  /** Bytes of all segments. */
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** Unix milliseconds. */
  readonly modifiedAt: number;
  /** Headers of the object's answers, in lower case: type, encoding, metadata, checksums. */
  readonly headers: Readonly<Record<string, string>>;
  readonly segments: readonly Segment[];
}

/** The unit in which content is checked: reads of a range verify only the blocks that they touch. */
export const blockBytes = 128 * 1024;

export function countBlocks(size: number): number {
  return Math.ceil(size / blockBytes);
}

/**
 * Reads a manifest. Resolves to `undefined` when there is none, and to `"damaged"` for one that is not what was
 * written. Rejects when the file cannot be read now.
 */
export async function readManifest(path: string): Promise<Manifest | "damaged" | undefined> {
  try {
    const { handle, size } = await openFile(path);
    try {
      if (size > mostBytes) return "damaged";
      const bytes = Buffer.allocUnsafe(size);
      const isWhole = (await readFully(handle, bytes, 0)) === size;
      return (isWhole && parse(bytes)) || "damaged";
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (isDamage(error)) return "damaged";
    throw error;
  }
}

/** Replaces a manifest: after a crash the file has either the old or the new content. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const temporary = `${path}.${manifest.generation}`;
  try {
    const handle = await createFile(temporary);
    try {
      await writeFully(handle, format(manifest), 0);
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
}

/** The generation that a temporary file of {@link writeManifest} belongs to. */
export function readTemporaryName(name: string): string | undefined {
  const [, generation] = /^[0-9a-f]{64}\.([0-9a-f]{32})$/.exec(name) ?? [];
  return generation;
}

/** One line of JSON, the hashes of all segments, and a hash of both. */
function format({ segments, ...rest }: Manifest): Buffer {
  const head = { version, ...rest, segments: segments.map(({ file, size }) => [file, size]) };
  const hashes = segments.map(({ hashes: table }) => toBytes(table));
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...hashes]);
  return Buffer.concat([body, toBytes(BigUint64Array.of(Bun.hash.xxHash3(body)))]);
}

function parse(bytes: Buffer): Manifest | undefined {
  const body = bytes.subarray(0, -hashBytes);
  if (bytes.length < hashBytes || bytes.readBigUInt64LE(body.length) !== Bun.hash.xxHash3(body))
    return undefined;
  const end = body.indexOf(0x0a);
  const head = JSON.parse(body.toString("utf8", 0, end)) as Head;
  if (!isHead(head)) return undefined;
  let at = end + 1;
  const segments = head.segments.map(([file, size]) => {
    const length = countBlocks(size) * hashBytes;
    const hashes = new BigUint64Array(Uint8Array.from(body.subarray(at, at + length)).buffer);
    at += length;
    return { file, size, hashes };
  });
  const size = segments.reduce((sum, segment) => sum + segment.size, 0);
  return at === body.length && size === head.size ? { ...head, segments } : undefined;
}

interface Head extends Omit<Manifest, "segments"> {
  readonly version: number;
  readonly segments: readonly (readonly [file: number, size: number])[];
}

/** A job of the agent's user can write manifests with a correct hash. */
function isHead(head: Head): boolean {
  const texts = [head.project, head.key, head.etag, head.generation];
  return (
    head.version === version &&
    texts.every((text) => typeof text === "string") &&
    generationPattern.test(head.generation) &&
    Number.isFinite(head.modifiedAt) &&
    Object.values(Object(head.headers)).every((value) => typeof value === "string") &&
    Array.isArray(head.segments) &&
    head.segments.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isCount))
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function toBytes(table: BigUint64Array): Buffer {
  return Buffer.from(table.buffer, table.byteOffset, table.byteLength);
}

const version = 1;
const hashBytes = 8;
/** Enough for an object of 1 TiB in 10,000 segments. */
const mostBytes = 64 * 1024 * 1024;
