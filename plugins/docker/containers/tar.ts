/** A file or directory of an archive. */
export interface TarEntry {
  /** Without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Uint8Array;
}

/** An archive as the engine takes it: the format of POSIX, with GNU's long names. */
export function toTar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(toBlocks), Buffer.alloc(2 * blockBytes)]);
}

/**
 * Reads the content of an archive's first file and no further. Resolves to `undefined` when the archive is
 * empty.
 */
export async function readFirstFile(
  tar: NodeJS.ReadableStream,
  maxBytes: number,
): Promise<Buffer | "too large" | undefined> {
  let start = Buffer.alloc(0);
  // Leaving the loop destroys the stream, and so ends the connection.
  for await (const chunk of tar as AsyncIterable<Uint8Array>) {
    start = Buffer.concat([start, chunk]);
    if (start.length < blockBytes) continue;
    const digits = start.subarray(124, 136).toString("latin1").replaceAll("\0", "").trim();
    const size = Number.parseInt(digits, 8);
    if (!(size >= 0)) return undefined;
    if (size > maxBytes) return "too large";
    if (start.length >= blockBytes + size) return start.subarray(blockBytes, blockBytes + size);
  }
  return undefined;
}

const blockBytes = 512;

function toBlocks(entry: TarEntry): Buffer[] {
  const name = Buffer.from(entry.path);
  if (name.length <= 100) return [toHeader(entry, name, "0"), pad(entry.content)];
  const long = Buffer.concat([name, Buffer.alloc(1)]);
  const link = { ...entry, content: long };
  return [
    toHeader(link, Buffer.from("././@LongLink"), "L"),
    pad(long),
    toHeader(entry, name.subarray(0, 100), "0"),
    pad(entry.content),
  ];
}

function toHeader({ mode, uid, gid, content }: TarEntry, name: Buffer, type: string): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  name.copy(header);
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(content.length, 124, 12);
  octal(0, 136, 12);
  header.write("        ", 148, "latin1");
  header.write(type, 156, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

function pad(content: Uint8Array): Buffer {
  const rest = content.length % blockBytes;
  return Buffer.concat([content, Buffer.alloc(rest === 0 ? 0 : blockBytes - rest)]);
}
