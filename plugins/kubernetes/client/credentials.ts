import { X509Certificate } from "node:crypto";
import type { Authorization } from "./connection.ts";

/**
 * Explains why an API server may reject these credentials. The text contains dates and no part of the
 * credentials.
 */
export function explainRefusal({ headers, tls }: Authorization, now = Date.now()): string {
  const certificate = findCertificate(tls.cert);
  const validity = certificate
    ? { what: "client certificate", from: certificate.validFromDate, to: certificate.validToDate }
    : { what: "token", ...readToken(headers["Authorization"]) };
  const { what, from, to } = validity;
  if (to !== undefined && to.getTime() <= now)
    return `the agent's ${what} expired at ${to.toISOString()}; renew it, or correct the clock of this host`;
  if (from !== undefined && from.getTime() > now)
    return `the agent's ${what} is not valid before ${from.toISOString()}; correct the clock of this host or of the host that issued it`;
  return `the API server does not accept the agent's ${what}; check that it belongs to this cluster, was not revoked, and that the server's clock is right`;
}

function findCertificate(pem: Bun.TLSOptions["cert"]): X509Certificate | undefined {
  try {
    return pem instanceof Buffer || typeof pem === "string" ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the validity of a JSON Web Token; other tokens have none. */
function readToken(header = ""): { from?: Date; to?: Date } {
  try {
    const [, payload = ""] = header.replace(/^Bearer /, "").split(".");
    const { nbf, exp } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
    return {
      ...(typeof nbf === "number" && { from: new Date(nbf * 1000) }),
      ...(typeof exp === "number" && { to: new Date(exp * 1000) }),
    };
  } catch {
    return {};
  }
}
