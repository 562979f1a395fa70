import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { AgentError, toMessage } from "../../core/errors.ts";
import { isLoopbackName } from "../../os/loopback.ts";
import { assertSigned } from "./signature.ts";

/** A release whose signature was verified. */
export interface SignedRelease {
  readonly version: string;
  /** Opens a file. Its SHA-256 must be `sha256` (hexadecimal), which the caller verifies. Throws `FILE_FAILED` when the release has no such file. */
  open(name: string): Promise<{ readonly content: Readable; readonly sha256: string }>;
}

/** Opens the release in a directory or at a URL (https; http on loopback only). Throws `USAGE_INVALID` or `FILE_FAILED`. */
export async function openRelease(from: string, keys: readonly string[]): Promise<SignedRelease> {
  const place = toPlace(from);
  if (keys.length === 0)
    throw new AgentError(
      "FILE_FAILED",
      "this program is of an unsigned build and knows no key: it cannot verify a release",
    );
  const sums = await place.text("SHA256SUMS");
  assertSigned(sums, (await place.text("SHA256SUMS.sig")).toString(), keys);
  const lines = sums.toString().split("\n");
  const version = /^# signalman (\S+)$/.exec(lines[0] ?? "")?.[1];
  if (version === undefined) throw new AgentError("FILE_FAILED", `${from}/SHA256SUMS names no version`);
  const checksums = new Map(
    lines.flatMap((line) => {
      const [, sha256, name] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? [];
      return sha256 === undefined || name === undefined ? [] : [[name, sha256] as const];
    }),
  );
  return {
    version,
    async open(name) {
      const sha256 = checksums.get(name);
      if (sha256 === undefined)
        throw new AgentError("FILE_FAILED", `release ${version} has no file "${name}"`);
      return { content: await place.open(name), sha256 };
    },
  };
}

interface Place {
  /** Reads a small file. */
  text(name: string): Promise<Buffer>;
  open(name: string): Promise<Readable>;
}

function toPlace(from: string): Place {
  if (!/^https?:/i.test(from)) return toDirectory(from);
  const url = new URL(from.endsWith("/") ? from : `${from}/`);
  if (url.protocol === "http:" && !isLoopbackName(url.hostname))
    throw new AgentError("USAGE_INVALID", `"${from}" must be an https URL: http is allowed on loopback only`);
  const request = async (name: string): Promise<Response> => {
    try {
      const response = await fetch(new URL(name, url), { signal: AbortSignal.timeout(transferMs) });
      if (response.ok && response.body) return response;
      throw new Error(`status ${response.status}`);
    } catch (cause) {
      throw new AgentError("FILE_FAILED", `cannot download ${new URL(name, url).href}: ${toMessage(cause)}`, {
        cause,
      });
    }
  };
  return {
    text: async (name) => readBounded(toReadable(await request(name)), name),
    open: async (name) => toReadable(await request(name)),
  };
}

const transferMs = 10 * 60_000;
const mostTextBytes = 1024 * 1024;

function toReadable(response: Response): Readable {
  return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
}

async function readBounded(content: Readable, name: string): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let size = 0;
  for await (const block of content as AsyncIterable<Buffer>) {
    size += block.length;
    if (size > mostTextBytes)
      throw new AgentError("FILE_FAILED", `"${name}" is larger than ${mostTextBytes} bytes`);
    blocks.push(block);
  }
  return Buffer.concat(blocks);
}

function toDirectory(directory: string): Place {
  const attempt = async <T>(name: string, work: (file: string) => Promise<T>): Promise<T> => {
    const file = join(directory, name);
    try {
      if (!(await stat(file)).isFile()) throw new Error("it is no file");
      return await work(file);
    } catch (cause) {
      throw new AgentError("FILE_FAILED", `cannot read "${file}": ${toMessage(cause)}`, { cause });
    }
  };
  return {
    text: (name) =>
      attempt(name, async (file) => {
        if ((await stat(file)).size > mostTextBytes)
          throw new Error(`it is larger than ${mostTextBytes} bytes`);
        return readFile(file);
      }),
    open: (name) => attempt(name, async (file) => createReadStream(file)),
  };
}
