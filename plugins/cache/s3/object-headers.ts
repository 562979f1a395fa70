import type { Exchange } from "signalman/http";
import { createFault } from "../store/fault.ts";
import type { Manifest } from "../store/manifest.ts";
import type { AmzHeaders } from "./amz-headers.ts";
import { isChecksumName } from "./digests.ts";

/** Returns the headers of a request that its object keeps: type, encoding and metadata. */
export function readObjectHeaders({ header }: Exchange, amz: AmzHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of standardNames) if (header(name) !== "") kept[name] = header(name);
  const encoding = (kept["content-encoding"] ?? "").replace(/^aws-chunked(,\s*|$)|,\s*aws-chunked$/i, "");
  delete kept["content-encoding"];
  if (encoding !== "") kept["content-encoding"] = encoding;
  kept["content-type"] ??= "binary/octet-stream";
  let bytes = 0;
  for (const name of amz.names.filter(isMetadata)) {
    kept[name] = amz.get(name)!;
    bytes += name.length - metadataPrefix.length + Buffer.byteLength(kept[name]);
  }
  if (bytes > mostMetadataBytes)
    throw createFault(
      "MetadataTooLarge",
      `the metadata has ${bytes} bytes; at most ${mostMetadataBytes} are accepted`,
    );
  if (Object.entries(kept).some(([name, value]) => !isHeader(name, value)))
    throw createFault("InvalidArgument", "a header of the object has characters that headers cannot have");
  return kept;
}

/**
 * Returns the headers that describe an object in an answer. Checksums are for clients that ask for them, and not for
 * answers with a part of the object, whose checksum clients would take them for.
 */
export function toObjectHeaders(
  manifest: Manifest,
  amz: AmzHeaders,
  isWhole: boolean,
): Record<string, string> {
  const withChecksums = isWhole && amz.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED";
  const kept = Object.entries(manifest.headers).filter(([name]) => withChecksums || !isChecksumName(name));
  return {
    ...Object.fromEntries(kept),
    etag: `"${manifest.etag}"`,
    "last-modified": new Date(manifest.modifiedAt).toUTCString(),
    "accept-ranges": "bytes",
  };
}

/** Whether an object keeps a header, besides its checksums. */
export function isKeptHeader(name: string): boolean {
  return isMetadata(name) || (standardNames as readonly string[]).includes(name);
}

export function isMetadata(name: string): boolean {
  return name.startsWith(metadataPrefix);
}

/** Values in a query may have more characters than headers can. */
function isHeader(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

const standardNames = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
] as const;
const metadataPrefix = "x-amz-meta-";
const mostMetadataBytes = 2048;
