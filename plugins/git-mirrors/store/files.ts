import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, utimes } from "node:fs/promises";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** Creates a file that only this user can read. */
export async function createFile(path: string): Promise<FileHandle> {
  return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/** Opens a regular file; resolves to `undefined` when it is not there. */
export async function openFile(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`"${path}" is not a regular file`);
}

export async function readText(path: string): Promise<string | undefined> {
  await using file = await openFile(path);
  return file?.readFile("utf8");
}

/** Replaces a file at once: it has the old text or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  {
    await using file = await createFile(temporary);
    await file.writeFile(text);
  }
  await rename(temporary, path);
}

/** Sets the time of a file to now, and creates it when it is missing. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(async () => {
    await using _ = await createFile(path).catch(() => undefined);
  });
}

export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** Reads at the pace of the receiver. */
export function toStream(pieces: AsyncGenerator<Buffer, void>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel: async () => void (await pieces.return()),
  });
}

/** Reads a file from its start, piece by piece. The buffer is used again for the next piece. */
export async function* readPieces(file: FileHandle, pieceBytes = 256 * 1024): AsyncGenerator<Buffer, void> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, pieceBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
