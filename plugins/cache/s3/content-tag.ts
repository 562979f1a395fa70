import { createHash } from "node:crypto";
import type { Segment } from "../store/manifest.ts";

/**
 * Returns the ETag of a content whose MD5 is not known. It has the form of one of an upload in parts, so that no
 * client takes it for the MD5. The same content has the same ETag.
 */
export function toContentTag({ size, hashes }: Pick<Segment, "size" | "hashes">): string {
  const hash = createHash("sha256").update(`${size}\n`);
  return `${hash.update(new Uint8Array(hashes.buffer)).digest("hex").slice(0, 32)}-1`;
}
