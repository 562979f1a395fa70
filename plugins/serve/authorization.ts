import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Checks the `Authorization` header of a request. Returns `undefined` when it is valid, otherwise the reason
 * for the refusal.
 */
export type Authorize = (header: string | undefined) => string | undefined;

/**
 * Accepts `<any word> <token>`, where the token is a JWT that is signed with the secret by HMAC (HS256,
 * HS384, HS512). `exp` and `nbf` are honoured; no other claim is needed (protocol section 8.3).
 */
export function createAuthorize(secret: string, now: () => number = Date.now): Authorize {
  return (header) => {
    if (header === undefined || header === "") return "An authorization header is required";
    const [, token, ...rest] = header.split(" ");
    if (token === undefined || rest.length > 0) return invalid;
    return isValid(token, secret, now() / 1000) ? undefined : invalid;
  };
}

const invalid = "Invalid authorization token";

/** Names of the digests by `alg`. A `Map`, so that `alg` cannot name a property of an object's prototype. */
const digests: ReadonlyMap<unknown, string> = new Map([
  ["HS256", "sha256"],
  ["HS384", "sha384"],
  ["HS512", "sha512"],
]);

function isValid(token: string, secret: string, now: number): boolean {
  const [header, claims, signature, ...rest] = token.split(".");
  if (header === undefined || claims === undefined || signature === undefined || rest.length > 0)
    return false;
  const { alg, crit } = decodeObject(header) ?? {};
  const digest = digests.get(alg);
  // A critical extension must be understood (RFC 7515, section 4.1.11), and none is.
  if (digest === undefined || crit !== undefined) return false;
  const expected = createHmac(digest, secret).update(`${header}.${claims}`).digest();
  const given = decode(signature);
  if (given?.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  const times = decodeObject(claims);
  return times !== undefined && isBefore(now, times["exp"]) && !isBefore(now, times["nbf"] ?? 0);
}

/**
 * Whether `now` is before a claim's time in Unix seconds. An absent time is never reached; one that is not a
 * number is always past.
 */
function isBefore(now: number, time: unknown): boolean {
  if (time === undefined) return true;
  return typeof time === "number" && now < time;
}

function decodeObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decode(part)?.toString("utf8") ?? "");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function decode(part: string): Buffer | undefined {
  return /^[\w-]*$/.test(part) ? Buffer.from(part, "base64url") : undefined;
}
