import type { Exchange } from "signalman/http";
import { isSameToken } from "signalman/http";
import type { Access, Credentials } from "../credentials.ts";
import { createFault } from "../store/fault.ts";
import { createSigningKey, type Scope, signRequest } from "./canonical-request.ts";

/** A request whose signature is right. */
export interface SignedRequest {
  readonly access: Access;
  /** The hash of the body in hexadecimal, or a literal such as `UNSIGNED-PAYLOAD`. */
  readonly payload: string;
  /** What signs the chunks of a body. */
  readonly chain: SignatureChain;
}

export interface SignatureChain {
  readonly key: Buffer;
  readonly time: string;
  readonly scope: Scope;
  /** The signature of the request, which that of the first chunk continues. */
  readonly seed: string;
}

interface Signature {
  readonly keyId: string;
  readonly scope: Scope;
  readonly time: string;
  readonly headers: readonly string[];
  readonly signature: string;
  readonly payload: string;
}

/** Checks the signature (version 4) of a request, in its header or in its query. Throws the fault. */
export function authenticate(exchange: Exchange, credentials: Credentials, now = Date.now()): SignedRequest {
  const isPresigned = exchange.query.has("X-Amz-Algorithm") || exchange.query.has("X-Amz-Signature");
  const signed = isPresigned ? readQuery(exchange, now) : readHeader(exchange, now);
  const { keyId, scope, time, headers, signature, payload } = signed;
  const access = credentials.find(keyId);
  if (access === undefined)
    throw createFault("InvalidAccessKeyId", "the access key does not exist, or its job has ended");
  assertSigned(exchange, headers);
  const key = createSigningKey(access.secret, scope);
  const { method, path, queryText, header } = exchange;
  const expected = signRequest(key, { method, path, queryText, header, time, scope, headers, payload });
  if (!isSameToken(signature, expected))
    throw createFault("SignatureDoesNotMatch", "the signature is not that of this request and access key");
  if (exchange.header("x-amz-security-token") !== "" || exchange.query.has("X-Amz-Security-Token"))
    throw createFault("InvalidToken", "access keys of this cache have no security token");
  return { access, payload, chain: { key, time, scope, seed: expected } };
}

function readHeader(exchange: Exchange, now: number): Signature {
  const text = exchange.header("authorization");
  if (text === "") throw createFault("AccessDenied", "the request is not signed");
  if (!text.startsWith("AWS4-HMAC-SHA256 "))
    throw createFault("InvalidArgument", "only signatures of AWS4-HMAC-SHA256 are accepted");
  const fields = new Map(
    text
      .slice("AWS4-HMAC-SHA256 ".length)
      .split(",")
      .map((field) => field.trim().split(/=(.*)/s, 2) as [string, string]),
  );
  const malformed = () =>
    createFault("AuthorizationHeaderMalformed", "the authorization header is malformed");
  const credential = parseCredential(fields.get("Credential"));
  const [headers, signature] = [fields.get("SignedHeaders"), fields.get("Signature")];
  if (credential === undefined || !headers || !signature) throw malformed();
  const time = readTime(exchange);
  if (time.slice(0, 8) !== credential.scope.date) throw malformed();
  if (Math.abs(parseTime(time) - now) > skewMs)
    throw createFault(
      "RequestTimeTooSkewed",
      "the request's time and the server's differ by more than 15 minutes",
    );
  const payload = exchange.header("x-amz-content-sha256");
  if (payload === "") throw createFault("InvalidRequest", "the header x-amz-content-sha256 is missing");
  return { ...credential, time, headers: headers.toLowerCase().split(";"), signature, payload };
}

/** `x-amz-date`, or the `Date` header in its place. */
function readTime(exchange: Exchange): string {
  const text = exchange.header("x-amz-date");
  if (!Number.isNaN(parseTime(text))) return text;
  const time = Date.parse(exchange.header("date"));
  if (Number.isNaN(time))
    throw createFault("AccessDenied", "the request has no valid x-amz-date or Date header");
  return new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

function readQuery({ query, header }: Exchange, now: number): Signature {
  const malformed = (what: string) =>
    createFault("AuthorizationQueryParametersError", `the presigned URL is not valid: ${what}`);
  if (query.get("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256") throw malformed("X-Amz-Algorithm");
  const credential = parseCredential(query.get("X-Amz-Credential") ?? undefined);
  if (credential === undefined) throw malformed("X-Amz-Credential");
  const time = query.get("X-Amz-Date") ?? "";
  const startsAt = parseTime(time);
  if (Number.isNaN(startsAt) || time.slice(0, 8) !== credential.scope.date) throw malformed("X-Amz-Date");
  const expires = query.get("X-Amz-Expires") ?? "";
  if (!/^\d{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > longestSeconds)
    throw malformed(`X-Amz-Expires has to be 1 to ${longestSeconds}`);
  const [headers, signature] = [query.get("X-Amz-SignedHeaders"), query.get("X-Amz-Signature")];
  if (!headers || !signature) throw malformed("X-Amz-SignedHeaders or X-Amz-Signature is missing");
  if (now > startsAt + Number(expires) * 1000) throw createFault("AccessDenied", "Request has expired");
  if (startsAt > now + skewMs) throw createFault("AccessDenied", "Request is not yet valid");
  const payload = query.get("X-Amz-Content-Sha256") ?? (header("x-amz-content-sha256") || unsignedPayload);
  return { ...credential, time, headers: headers.toLowerCase().split(";"), signature, payload };
}

export const unsignedPayload = "UNSIGNED-PAYLOAD";

/** `<key>/<date>/<region>/s3/aws4_request`. */
function parseCredential(text = ""): Pick<Signature, "keyId" | "scope"> | undefined {
  const [, keyId, date, region] = /^([^/]+)\/(\d{8})\/([^/]*)\/s3\/aws4_request$/.exec(text) ?? [];
  return keyId === undefined ? undefined : { keyId, scope: { date: date!, region: region! } };
}

/** Parses `20130524T000000Z` to Unix milliseconds; NaN for other texts. */
function parseTime(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** A header that changes what a request does must be signed, so that a presigned URL allows just what it says. */
function assertSigned({ headerNames }: Exchange, signed: readonly string[]): void {
  const missing = headerNames.find(
    (name) =>
      !signed.includes(name) && (name === "host" || (name.startsWith("x-amz-") && name !== userAgent)),
  );
  if (missing !== undefined || !signed.includes("host"))
    throw createFault("AccessDenied", `the header "${missing ?? "host"}" is not signed`);
}

const userAgent = "x-amz-user-agent";
const skewMs = 15 * 60_000;
const longestSeconds = 7 * 24 * 3600;
