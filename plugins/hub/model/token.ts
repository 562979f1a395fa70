import { createHmac, timingSafeEqual } from "node:crypto";

/** The permission that a log token grants. */
export interface LogClaims {
  readonly jobId: string;
  readonly action: "PUSH" | "PULL";
}

export interface SignOptions extends LogClaims {
  readonly secret: string;
  /** Unix milliseconds. */
  readonly issuedAt: number;
  readonly lifetimeMs: number;
}

/** Signs a JWT (HS256) for a job's log (protocol section 4). */
export function signLogToken({ secret, issuedAt, lifetimeMs, jobId, action }: SignOptions): string {
  const iat = Math.floor(issuedAt / 1000);
  const claims = { iat, nbf: iat, exp: iat + lifetimeMs / 1000, sub: jobId, action };
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${signature(text, secret)}`;
}

/** Whether the token is valid now and grants the permission. */
export function isLogToken(
  token: string,
  wanted: LogClaims,
  { secret, now }: { secret: string; now: number },
): boolean {
  const [header = "", payload = "", signed = "", ...more] = token.split(".");
  if (more.length > 0 || decode(header)?.["alg"] !== "HS256") return false;
  const expected = Buffer.from(signature(`${header}.${payload}`, secret));
  const actual = Buffer.from(signed);
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return false;
  const claims = decode(payload);
  const { sub, action, exp, nbf } = claims ?? {};
  if (sub !== wanted.jobId || action !== wanted.action) return false;
  return typeof exp === "number" && now < exp * 1000 && typeof nbf === "number" && now >= nbf * 1000;
}

function signature(text: string, secret: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
