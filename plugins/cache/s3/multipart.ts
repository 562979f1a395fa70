import { createFault } from "../store/fault.ts";
import type { PartName, Upload } from "../store/uploads.ts";
import { assertAmzHeaders } from "./amz-headers.ts";
import type { Answer, ObjectCall } from "./call.ts";
import { toWriteCheck } from "./conditions.ts";
import { toContentTag } from "./content-tag.ts";
import { isChecksumName } from "./digests.ts";
import { isMetadata, readObjectHeaders } from "./object-headers.ts";
import { openPayload, readWhole } from "./payload.ts";
import { isBodyHeader } from "./write-object.ts";
import { childText, formatXml, parseXml, type XmlElement } from "./xml.ts";

/** CreateMultipartUpload. Checksums of parts are verified, and those of whole objects are not implemented. */
export async function createUpload(call: ObjectCall): Promise<Answer> {
  const { exchange, amz, signed, uploads, project, name, key, use } = call;
  assertAmzHeaders(amz, (header) => isMetadata(header) || checksumChoices.has(header));
  if ((amz.get("x-amz-checksum-type") ?? "COMPOSITE").toUpperCase() !== "COMPOSITE")
    throw createFault(
      "NotImplemented",
      "checksums of whole objects are not implemented for uploads in parts",
    );
  await readWhole(openPayload(exchange, signed), 0);
  const id = uploads.begin(name, project, readObjectHeaders(exchange, amz));
  use.storing(name.key);
  const algorithm = amz.get("x-amz-checksum-algorithm");
  const text = formatXml([
    "InitiateMultipartUploadResult",
    [
      ["Bucket", exchange.path.split("/", 2)[1]!],
      ["Key", key],
      ["UploadId", id],
    ],
  ]);
  return { status: 200, text, headers: algorithm ? { "x-amz-checksum-algorithm": algorithm } : {} };
}

const checksumChoices = new Set(["x-amz-checksum-algorithm", "x-amz-checksum-type"]);

/** UploadPart. */
export async function uploadPart(call: ObjectCall): Promise<Answer> {
  const { exchange, amz, signed, store } = call;
  assertAmzHeaders(amz, isBodyHeader);
  const number = parsePartNumber(exchange.query.get("partNumber") ?? "");
  if (number === undefined) throw createFault("InvalidArgument", "partNumber has to be 1 to 10000");
  const upload = findUpload(call);
  const payload = openPayload(exchange, signed);
  store.assertFits(payload.length);
  using _transfer = call.use.transfer("stored");
  const writer = await upload.open();
  try {
    const { md5, checksums } = await payload.read(writer.write);
    const segment = await writer.end();
    const etag = md5 ?? toContentTag(segment);
    await upload.add(number, { segment, etag, checksums });
    call.use.stored(payload.length);
    return { status: 200, headers: { etag: `"${etag}"`, ...checksums } };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** CompleteMultipartUpload. */
export async function completeUpload(call: ObjectCall): Promise<Answer> {
  const { exchange, amz, signed, key } = call;
  assertAmzHeaders(amz, (header) => header === "x-amz-sdk-checksum-algorithm");
  const check = toWriteCheck(exchange);
  const upload = findUpload(call);
  const payload = openPayload(exchange, signed);
  const parts = toParts(parseXml(await readWhole(payload, mostDocumentBytes)));
  const { etag } = await upload.complete(parts, check);
  const [, bucket] = exchange.path.split("/", 2);
  const text = formatXml([
    "CompleteMultipartUploadResult",
    [
      ["Location", exchange.path],
      ["Bucket", bucket!],
      ["Key", key],
      ["ETag", `"${etag}"`],
    ],
  ]);
  return { status: 200, text };
}

/** AbortMultipartUpload. */
export async function abortUpload(call: ObjectCall): Promise<Answer> {
  assertAmzHeaders(call.amz);
  await findUpload(call).abort();
  return { status: 204 };
}

export const mostDocumentBytes = 2 * 1024 * 1024;

function findUpload({ exchange, uploads, name }: ObjectCall): Upload {
  return uploads.find(exchange.query.get("uploadId") ?? "", name);
}

function parsePartNumber(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= mostParts ? number : undefined;
}

function toParts(document: XmlElement): PartName[] {
  const malformed = () => createFault("MalformedXML", "the document is no list of 1 to 10000 parts");
  const { name, children } = document;
  if (name !== "CompleteMultipartUpload" || children.length === 0 || children.length > mostParts)
    throw malformed();
  return children.map((part) => {
    const number = parsePartNumber(childText(part, "PartNumber") ?? "");
    const etag = childText(part, "ETag");
    if (part.name !== "Part" || number === undefined || etag === undefined) throw malformed();
    return { number, etag: etag.replaceAll('"', ""), checksums: toChecksums(part) };
  });
}

/** `ChecksumCRC32` is the element for the header `x-amz-checksum-crc32`. */
function toChecksums({ children }: XmlElement): Record<string, string> {
  return Object.fromEntries(
    children
      .map(({ name, text }) => [name.replace(/^Checksum/, "x-amz-checksum-").toLowerCase(), text] as const)
      .filter(([name]) => isChecksumName(name)),
  );
}

const mostParts = 10_000;
