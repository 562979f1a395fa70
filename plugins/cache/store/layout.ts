import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { AgentError, isAgentError } from "signalman";

/** An object's full name. Two projects never share an object, whatever their keys are. */
export interface ObjectName {
  readonly project: string;
  /** 1 to 1,024 bytes in UTF-8, any characters. */
  readonly key: string;
}

/** The paths of a store. Names of objects never become paths: their hashes do. */
export interface Layout {
  readonly objects: string;
  readonly contents: string;
  readonly lock: string;
  /** The file that makes an object visible. */
  manifest(name: ObjectName): string;
  /** A file with content of one generation of an object. */
  content(generation: string, file: number): string;
}

export function createLayout(root: string): Layout {
  const [objects, contents] = [join(root, "objects"), join(root, "contents")];
  return {
    objects,
    contents,
    lock: join(root, "lock"),
    manifest: (name) => join(objects, toFileName(name)),
    content: (generation, file) => join(contents, `${generation}-${file}`),
  };
}

/** The file name of an object's manifest: 64 hexadecimal digits. The length keeps project and key apart. */
export function toFileName({ project, key }: ObjectName): string {
  return createHash("sha256")
    .update(`${Buffer.byteLength(project)} ${project}${key}`)
    .digest("hex");
}

/** Creates the id of one content of an object, which no other content ever has. */
export function createGeneration(): string {
  return randomBytes(16).toString("hex");
}

export const generationPattern = /^[0-9a-f]{32}$/;

/** Creates a new file for its owner only. Another entry in its place is refused. */
export function createFile(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/** Opens a regular file and returns its size. Nothing waits: a FIFO or a link in its place is refused. */
export async function openFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw createDamage(`"${path}" is not a regular file`);
    return { handle, size: stats.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Creates the error about a file that is not what was written. */
export function createDamage(message: string): AgentError {
  return new AgentError("CACHE_DAMAGED", message);
}

/** Whether an error means that a file is lost, rather than that it cannot be read now. */
export function isDamage(error: unknown): boolean {
  if (isAgentError(error, "CACHE_DAMAGED") || error instanceof SyntaxError) return true;
  const { code = "" } = Object(error) as NodeJS.ErrnoException;
  return ["ENOENT", "ELOOP", "ENXIO", "EISDIR", "EIO"].includes(code);
}

/** Removes a file or whatever has its place. A failure leaves it to the clean-up at the next start. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => {});
}

/** Reads until the buffer is full or the file ends; returns the bytes read. */
export async function readFully(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
