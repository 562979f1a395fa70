import { createFault } from "../store/fault.ts";
import type { ListedEntry, ListedPage } from "../store/store.ts";
import { assertAmzHeaders } from "./amz-headers.ts";
import type { Answer, Call } from "./call.ts";
import { replaceHead } from "./object-key.ts";
import { formatXml, type XmlNode } from "./xml.ts";

/** ListObjects, versions 1 and 2. A key sees the objects that its project reaches, whatever the prefix is. */
export async function listObjects(call: Call): Promise<Answer> {
  const { exchange, amz, store, project, space } = call;
  assertAmzHeaders(amz);
  const { query } = exchange;
  const isSecond = query.get("list-type") === "2";
  if (query.has("list-type") && !isSecond) throw createFault("InvalidArgument", "list-type has to be 2");
  const encoding = query.get("encoding-type");
  if (encoding !== null && encoding !== "url")
    throw createFault("InvalidArgument", "encoding-type has to be url");
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const most = parseMost(query.get("max-keys"));
  const token = query.get("continuation-token");
  const after = isSecond
    ? token === null
      ? (query.get("start-after") ?? "")
      : Buffer.from(token, "base64url").toString()
    : (query.get("marker") ?? "");
  const options = { prefix, delimiter, after, most };
  const stored = await store.list(space, space === project ? options : { ...options, head: project });
  const page = { ...stored, entries: stored.entries.map((entry) => toOwn(entry, space, project)) };

  const encode = (text: string) => (encoding === "url" ? encodeKey(text) : text);
  const text = formatXml([
    "ListBucketResult",
    [
      ["Name", exchange.path.split("/", 2)[1]!],
      ["Prefix", encode(prefix)],
      ...(isSecond ? toSecondPage(query, page, encode) : toFirstPage(query, page, encode)),
      ["MaxKeys", most],
      ...(delimiter === "" ? [] : [["Delimiter", encode(delimiter)] as const]),
      ...(encoding === null ? [] : [["EncodingType", encoding] as const]),
      ["IsTruncated", page.next !== undefined],
      ...page.entries.map((entry) => toContents(entry, encode, isSecond ? undefined : project)),
      ...page.prefixes.map((each) => ["CommonPrefixes", [["Prefix", encode(each)]]] as const),
    ],
  ]);
  return { status: 200, text };
}

function toOwn(entry: ListedEntry, space: string, project: string): ListedEntry {
  return space === project ? entry : { ...entry, key: replaceHead(entry.key, space, project) };
}

type Encode = (text: string) => string;

/** Version 1 names the next marker only with a delimiter: without one it is the last key. */
function toFirstPage(query: URLSearchParams, { next }: ListedPage, encode: Encode): XmlNode[] {
  const marker: XmlNode = ["Marker", encode(query.get("marker") ?? "")];
  const isNamed = next !== undefined && (query.get("delimiter") ?? "") !== "";
  return isNamed ? [marker, ["NextMarker", encode(next)]] : [marker];
}

function toSecondPage(query: URLSearchParams, page: ListedPage, encode: Encode): XmlNode[] {
  const [token, startAfter] = [query.get("continuation-token"), query.get("start-after")];
  const nodes: XmlNode[] = [["KeyCount", page.entries.length + page.prefixes.length]];
  if (token !== null) nodes.push(["ContinuationToken", token]);
  if (startAfter !== null) nodes.push(["StartAfter", encode(startAfter)]);
  if (page.next !== undefined)
    nodes.push(["NextContinuationToken", Buffer.from(page.next).toString("base64url")]);
  return nodes;
}

function toContents(entry: ListedEntry, encode: Encode, owner: string | undefined): XmlNode {
  const { key, size, etag, modifiedAt } = entry;
  return [
    "Contents",
    [
      ["Key", encode(key)],
      ["LastModified", new Date(modifiedAt).toISOString()],
      ["ETag", `"${etag}"`],
      ["Size", size],
      ["StorageClass", "STANDARD"],
      ...(owner === undefined ? [] : [["Owner", [["ID", owner]]] as const]),
    ],
  ];
}

function parseMost(text: string | null): number {
  if (text === null || text === "") return mostKeys;
  if (!/^\d{1,10}$/.test(text)) throw createFault("InvalidArgument", "max-keys has to be a number from 0");
  return Math.min(Number(text), mostKeys);
}

/** Encodes a key as S3 does with `encoding-type=url`: slashes stay. */
function encodeKey(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1).replaceAll("%2F", "/");
}

const mostKeys = 1000;
