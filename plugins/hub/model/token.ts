import { createHmac } from "node:crypto";

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

/**
 * Signs a JWT (HS256) for a job's log (protocol section 4). Unlike the library it is synchronous, so that a
 * job is checked and queued in one step.
 */
export function signLogToken({ secret, issuedAt, lifetimeMs, jobId, action }: SignOptions): string {
  const iat = Math.floor(issuedAt / 1000);
  const claims = { iat, nbf: iat, exp: iat + lifetimeMs / 1000, sub: jobId, action };
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** Whether the token is valid now and grants the permission. */
export async function isLogToken(
  token: string,
  { jobId, action }: LogClaims,
  { secret, now }: { secret: string; now: number },
): Promise<boolean> {
  const { jwtVerify } = await import("jose/jwt/verify");
  return jwtVerify(token, new TextEncoder().encode(secret), {
    algorithms: ["HS256"],
    currentDate: new Date(now),
    requiredClaims: ["exp", "nbf"],
    subject: jobId,
  }).then(
    ({ payload }) => payload["action"] === action,
    () => false,
  );
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
