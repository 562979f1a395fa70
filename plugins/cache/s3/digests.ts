import { crc32 } from "node:zlib";
import { createFault } from "../store/fault.ts";
import type { AmzHeaders } from "./amz-headers.ts";
import { type Checksum, createCrc32c, createCrc64Nvme } from "./crc.ts";

/** The digests of one body, and what the client says that they are. */
export interface Digests {
  update(bytes: Uint8Array): void;
  /** Compares all digests; throws the fault. Returns those to store. */
  verify(trailer: ReadonlyMap<string, string>): BodyDigests;
}

export interface BodyDigests {
  /** In hexadecimal; for clients that have sent the MD5 of their body only, since it takes most of a write's time. */
  readonly md5: string | undefined;
  /** By the name of their header. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** `sha256`: the hash that the request announces for its body, in hexadecimal. */
export function createDigests(amz: AmzHeaders, md5Header: string, sha256: string | undefined): Digests {
  const expectedMd5 = md5Header === "" ? undefined : parseMd5(md5Header);
  const { name, isTrailer } = findChecksum(amz);
  const md5 = expectedMd5 === undefined ? undefined : new Bun.CryptoHasher("md5");
  const content = sha256 === undefined ? undefined : new Bun.CryptoHasher("sha256");
  const checksum = name === undefined ? undefined : algorithms[name]!();
  return {
    update(bytes) {
      md5?.update(bytes);
      content?.update(bytes);
      checksum?.update(bytes);
    },
    verify(trailer) {
      if (md5 && md5.digest("hex") !== expectedMd5)
        throw createFault("BadDigest", "the Content-MD5 is not that of the received content");
      if (content && content.digest("hex") !== sha256)
        throw createFault(
          "XAmzContentSHA256Mismatch",
          "the x-amz-content-sha256 is not that of the received content",
        );
      if (name === undefined || checksum === undefined) return { md5: expectedMd5, checksums: {} };
      const value = checksum.digest();
      const given = isTrailer ? trailer.get(name) : amz.get(name);
      if (given === undefined) throw createFault("InvalidRequest", `the trailer has no "${name}"`);
      if (given !== value)
        throw createFault("BadDigest", `the ${name} is not that of the received content: ${value}`);
      return { md5: expectedMd5, checksums: { [name]: value } };
    },
  };
}

/** The names of the checksums that are verified, as headers. */
export function isChecksumName(name: string): boolean {
  return Object.hasOwn(algorithms, name);
}

function findChecksum(amz: AmzHeaders): { name?: string; isTrailer: boolean } {
  const trailer = amz.get("x-amz-trailer")?.toLowerCase();
  const names = amz.names.filter(isChecksumName);
  const isTrailer = trailer !== undefined;
  if (isTrailer && !isChecksumName(trailer))
    throw createFault("InvalidRequest", `the trailer "${trailer.slice(0, 100)}" is not supported`);
  if (names.length + Number(isTrailer) > 1)
    throw createFault("InvalidRequest", "the request has more than one checksum");
  const name = trailer ?? names[0];
  if (name === undefined && amz.get("x-amz-sdk-checksum-algorithm") !== undefined)
    throw createFault("InvalidRequest", "x-amz-sdk-checksum-algorithm is set, and no checksum or trailer is");
  return name === undefined ? { isTrailer } : { name, isTrailer };
}

function parseMd5(text: string): string {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== 16 || bytes.toString("base64") !== text)
    throw createFault("InvalidDigest", "the Content-MD5 is not valid");
  return bytes.toString("hex");
}

const algorithms: Readonly<Record<string, () => Checksum>> = {
  "x-amz-checksum-crc32": createCrc32,
  "x-amz-checksum-crc32c": createCrc32c,
  "x-amz-checksum-crc64nvme": createCrc64Nvme,
  "x-amz-checksum-sha1": () => createHasher("sha1"),
  "x-amz-checksum-sha256": () => createHasher("sha256"),
};

function createCrc32(): Checksum {
  let crc = 0;
  return {
    update: (bytes) => void (crc = crc32(bytes, crc)),
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc);
      return bytes.toString("base64");
    },
  };
}

function createHasher(algorithm: "sha1" | "sha256"): Checksum {
  const hasher = new Bun.CryptoHasher(algorithm);
  return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest("base64") };
}
