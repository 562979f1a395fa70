import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { AgentError, toMessage } from "../../core/errors.ts";
import { openHostFile, readHostFile } from "../../os/file-trust/host-file.ts";
import { isLoopbackName } from "../../os/network/loopback.ts";
import { boundedFetch, readBody } from "../../os/network/response-body.ts";
import { assertSigned } from "./signature.ts";

/** A release whose signature was verified. */
export interface SignedRelease {
  readonly version: string;
  /**
   * Opens a file. Its SHA-256 must be `sha256` (hexadecimal), which the caller verifies. Throws `FILE_FAILED`
   * when the release has no such file.
   */
  open(name: string): Promise<{ readonly content: Readable; readonly sha256: string }>;
}

/**
 * Opens the release in a directory or at a URL (https; http on loopback only). Throws `USAGE_INVALID` or
 * `FILE_FAILED`.
 */
export async function openRelease(from: string, keys: readonly string[]): Promise<SignedRelease> {
  const place = toPlace(from);
  if (keys.length === 0)
    throw new AgentError(
      "FILE_FAILED",
      "this program knows no key to verify a release with: it was built from source; install a release by hand (signalman help install)",
    );
  const sums = await place.read("SHA256SUMS");
  assertSigned(sums, (await place.read("SHA256SUMS.sig")).toString(), keys);
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

/**
 * Compares two versions (Semantic Versioning): negative when `a` is older. What `git describe` adds counts as
 * newer.
 */
export function compareVersions(a: string, b: string): number {
  return Bun.semver.order(toPlain(a), toPlain(b)) || Number(isDescribed(a)) - Number(isDescribed(b));
}

interface Place {
  /** Reads a small file. */
  read(name: string): Promise<Buffer>;
  open(name: string): Promise<Readable>;
}

const mostTextBytes = 1024 * 1024;

function toPlace(from: string): Place {
  return /^https?:/i.test(from) ? toSite(from) : toDirectory(from);
}

function toSite(from: string): Place {
  const url = new URL(from.endsWith("/") ? from : `${from}/`);
  if (url.protocol === "http:" && !isLoopbackName(url.hostname))
    throw new AgentError("USAGE_INVALID", `"${from}" must be an https URL: http is allowed on loopback only`);
  const request = async <T>(
    name: string,
    options: RequestInit,
    take: (response: Response) => T | Promise<T>,
  ): Promise<T> => {
    const file = new URL(name, url);
    try {
      const response = await fetch(file, { ...options, signal: AbortSignal.timeout(transferMs) });
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
      return await take(response);
    } catch (cause) {
      throw new AgentError("FILE_FAILED", `cannot download ${file.href}: ${toMessage(cause)}`, { cause });
    }
  };
  return {
    read: (name) =>
      request(name, boundedFetch, async (response) => {
        const { text, fault } = await readBody(response, mostTextBytes);
        if (fault !== undefined) throw new Error(fault);
        return Buffer.from(text);
      }),
    open: (name) =>
      request(name, asItIs, ({ body }) => Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])),
  };
}

/** An archive that a server compresses once more would have another checksum. */
const asItIs = { decompress: false, headers: { "Accept-Encoding": "identity" } } as const;

const transferMs = 10 * 60_000;

function toDirectory(directory: string): Place {
  const attempt = async <T>(name: string, work: (file: string) => T): Promise<T> => {
    const file = join(directory, name);
    try {
      return work(file);
    } catch (cause) {
      throw new AgentError("FILE_FAILED", `cannot read "${file}": ${toMessage(cause)}`, { cause });
    }
  };
  return {
    read: (name) => attempt(name, (file) => readHostFile(file, { maxBytes: mostTextBytes })),
    open: (name) => attempt(name, (file) => createReadStream("", { fd: openHostFile(file) })),
  };
}

/** `1.2.3-4-gabc1234`: four commits after 1.2.3. */
const described = /-\d+-g[0-9a-f]+$/;
const isDescribed = (version: string) => described.test(version);
const toPlain = (version: string) => version.replace(described, "");
