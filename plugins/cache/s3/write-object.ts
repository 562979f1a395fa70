import { assertAmzHeaders } from "./amz-headers.ts";
import type { Answer, ObjectCall } from "./call.ts";
import { toWriteCheck } from "./conditions.ts";
import { toContentTag } from "./content-tag.ts";
import { isChecksumName } from "./digests.ts";
import { isMetadata, readObjectHeaders } from "./object-headers.ts";
import { openPayload } from "./payload.ts";

/** PutObject. */
export async function putObject({ exchange, amz, signed, store, name, use }: ObjectCall): Promise<Answer> {
  assertAmzHeaders(amz, (header) => isMetadata(header) || isBodyHeader(header));
  const headers = readObjectHeaders(exchange, amz);
  const check = toWriteCheck(exchange);
  const payload = openPayload(exchange, signed);
  store.assertFits(payload.length);
  use.storing(name.key);
  using _transfer = use.transfer("stored");
  const object = store.create(name);
  try {
    const writer = await object.open();
    const { md5, checksums } = await payload.read(writer.write);
    const segment = await writer.end();
    const etag = md5 ?? toContentTag(segment);
    await object.commit({ etag, headers: { ...headers, ...checksums }, segments: [segment] }, check);
    use.stored(payload.length);
    return { status: 200, headers: { etag: `"${etag}"`, ...checksums } };
  } catch (error) {
    await object.abort();
    throw error;
  }
}

/** Headers about the body of a request. */
export function isBodyHeader(name: string): boolean {
  return bodyHeaders.has(name) || isChecksumName(name);
}

const bodyHeaders = new Set([
  "x-amz-decoded-content-length",
  "x-amz-trailer",
  "x-amz-sdk-checksum-algorithm",
]);

/** DeleteObject: a missing object is no fault. */
export async function deleteObject({ amz, store, name }: ObjectCall): Promise<Answer> {
  assertAmzHeaders(amz);
  await store.remove(name);
  return { status: 204 };
}
