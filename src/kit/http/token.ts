import { createHash, timingSafeEqual } from "node:crypto";

/** Whether two tokens are the same. The time that it takes tells nothing about the expected one. */
export function isSameToken(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

/** Digests have one length, which the comparison needs. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
