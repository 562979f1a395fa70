import { createHash, createHmac } from "node:crypto";
import type { Exchange } from "signalman/http";

/** The scope of a signature: `20130524/us-east-1/s3/aws4_request`. The region may be any, also empty. */
export interface Scope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
}

/** What a signature of version 4 covers. */
export interface SignedParts extends Pick<Exchange, "method" | "path" | "queryText" | "header"> {
  /** `20130524T000000Z`. */
  readonly time: string;
  readonly scope: Scope;
  /** In lower case, sorted. */
  readonly headers: readonly string[];
  /** The hash of the body, or the literal that stands for it. */
  readonly payload: string;
}

/** Derives the key that signs requests of a day. */
export function createSigningKey(secret: string, { date, region }: Scope): Buffer {
  return [date, region, "s3", "aws4_request"].reduce<Buffer>(
    (key, text) => createHmac("sha256", key).update(text).digest(),
    Buffer.from(`AWS4${secret}`),
  );
}

/** Returns the signature of a request, in hexadecimal. */
export function signRequest(key: Buffer, parts: SignedParts): string {
  const text = ["AWS4-HMAC-SHA256", parts.time, toScopeText(parts.scope), hash(toCanonicalRequest(parts))];
  return signText(key, text.join("\n"));
}

export function signText(key: Buffer, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}

export function toScopeText({ date, region }: Scope): string {
  return `${date}/${region}/s3/aws4_request`;
}

function toCanonicalRequest({ method, path, queryText, headers, header, payload }: SignedParts): string {
  const lines = headers.map((name) => `${name}:${header(name).trim().replaceAll(/ +/g, " ")}\n`);
  return [
    method,
    encode(decodeURIComponent(path)).replaceAll("%2F", "/"),
    toCanonicalQuery(queryText),
    lines.join(""),
    headers.join(";"),
    payload,
  ].join("\n");
}

/** Parameters sorted by their encoded names and values, without the signature itself. */
function toCanonicalQuery(queryText: string): string {
  return Array.from(new URLSearchParams(queryText))
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map((pair) => pair.join("="))
    .join("&");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Encodes all but unreserved characters, as AWS does. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
