import { createHash } from "node:crypto";

/** Returns the 32 bytes from which access keys follow, for agents and the cache that share `cache-secret`. */
export function toSharedSecret(text: string): Buffer {
  return createHash("sha256").update(`cache-secret\0${text}`).digest();
}
