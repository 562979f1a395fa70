import { createHash, createHmac } from "node:crypto";

export const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "s3cr3t-access-key",
  region: "eu-test-1",
};

export interface S3Double extends AsyncDisposable {
  readonly endpoint: string;
  /** The stored objects by key. */
  readonly objects: ReadonlyMap<string, { readonly bytes: Buffer; readonly type: string }>;
  /** All calls in order, such as `PUT part` and `POST complete`, including failed ones. */
  readonly calls: readonly string[];
  /** Number of multipart uploads that were neither completed nor aborted. */
  readonly openUploads: number;
  /** Answers the next calls with an error, except those that abort an upload. */
  fail(times: number, status: number, code: string): void;
  /** Stops answering. */
  hang(): void;
}

/**
 * A server with the part of S3 that a sink needs, for tests: single and multipart uploads into the bucket
 * `logs`. Like S3, it rejects invalid signatures (Signature Version 4) and parts that are too small.
 */
export function openS3Double(): S3Double {
  const objects = new Map<string, { bytes: Buffer; type: string }>();
  const uploads = new Map<string, { key: string; type: string; parts: Map<number, Buffer> }>();
  const calls: string[] = [];
  const faults: { status: number; code: string }[] = [];
  let hangs = false;

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = Buffer.from(await request.arrayBuffer());
    const call = toCall(request.method, url.searchParams);
    calls.push(call);
    if (hangs) return new Promise(() => {});
    const fault = call === "DELETE upload" ? undefined : faults.shift();
    if (fault) return toError(fault.status, fault.code);
    const refusal = findFault(request, url, body);
    if (refusal) return toError(403, refusal);
    const [, bucket = "", ...rest] = decodeURIComponent(url.pathname).split("/");
    if (bucket !== "logs") return toError(404, "NoSuchBucket");
    const key = rest.join("/");
    const type = request.headers.get("content-type") ?? "";
    const id = url.searchParams.get("uploadId") ?? "";
    const upload = uploads.get(id);
    switch (call) {
      case "PUT object":
        objects.set(key, { bytes: body, type });
        return new Response(null, { headers: { etag: toEtag(body) } });
      case "POST begin": {
        const fresh = crypto.randomUUID();
        uploads.set(fresh, { key, type, parts: new Map() });
        const xml = `<UploadId>${fresh}</UploadId>`;
        return new Response(`<InitiateMultipartUploadResult>${xml}</InitiateMultipartUploadResult>`);
      }
      case "PUT part":
        if (upload?.key !== key) return toError(404, "NoSuchUpload");
        upload.parts.set(Number(url.searchParams.get("partNumber")), body);
        return new Response(null, { headers: { etag: toEtag(body) } });
      case "POST complete": {
        if (upload?.key !== key) return toError(404, "NoSuchUpload");
        const parts = partsOf(body.toString(), upload.parts);
        if (parts === undefined) return toError(400, "InvalidPart");
        if (parts.slice(0, -1).some(({ length }) => length < minPartSize))
          return toError(400, "EntityTooSmall");
        uploads.delete(id);
        objects.set(key, { bytes: Buffer.concat(parts), type: upload.type });
        return new Response("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
      }
      case "DELETE upload":
        uploads.delete(id);
        return new Response(null, { status: 204 });
      default:
        return toError(405, "MethodNotAllowed");
    }
  }

  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer, idleTimeout: 0 });
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    objects,
    calls,
    get openUploads() {
      return uploads.size;
    },
    fail: (times, status, code) =>
      void faults.push(...Array.from({ length: times }, () => ({ status, code }))),
    hang: () => void (hangs = true),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

const minPartSize = 5 * 1024 * 1024;

function toCall(method: string, query: URLSearchParams): string {
  if (query.has("uploads")) return `${method} begin`;
  if (query.has("partNumber")) return `${method} part`;
  if (query.has("uploadId")) return method === "DELETE" ? "DELETE upload" : `${method} complete`;
  return `${method} object`;
}

/**
 * Returns the parts that a completion lists, in its order; `undefined` when a part is missing or its entity
 * tag differs.
 */
function partsOf(xml: string, stored: ReadonlyMap<number, Buffer>): Buffer[] | undefined {
  const parts: Buffer[] = [];
  for (const [, part = ""] of xml.matchAll(/<Part>(.*?)<\/Part>/gs)) {
    const bytes = stored.get(Number(/<PartNumber>(\d+)</.exec(part)?.[1]));
    const etag = /<ETag>(.*?)<\/ETag>/.exec(part)?.[1]?.replaceAll("&quot;", '"');
    if (bytes === undefined || etag?.replaceAll('"', "") !== toEtag(bytes).replaceAll('"', ""))
      return undefined;
    parts.push(bytes);
  }
  return parts.length > 0 ? parts : undefined;
}

/** Checks the signature (Signature Version 4). Returns the error code of S3, or `undefined` for a valid request. */
function findFault({ method, headers }: Request, url: URL, body: Buffer): string | undefined {
  const authorization =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.get("authorization") ?? "",
    );
  if (!authorization) return "AccessDenied";
  const [, id, day = "", region = "", signed = "", signature] = authorization;
  if (id !== credentials.accessKeyId) return "InvalidAccessKeyId";
  if (region !== credentials.region) return "AuthorizationHeaderMalformed";
  const time = headers.get("x-amz-date") ?? "";
  const payload = headers.get("x-amz-content-sha256") ?? "";
  if (!time.startsWith(day) || !signed.split(";").includes("host")) return "AccessDenied";
  if (payload !== "UNSIGNED-PAYLOAD" && payload !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const lines = signed.split(";").map((name) => `${name}:${(headers.get(name) ?? "").trim()}\n`);
  const canonical = [method, url.pathname, query, lines.join(""), signed, payload].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<Buffer | string>(
    (secret, word) => hmac(secret, word),
    `AWS4${credentials.secretAccessKey}`,
  );
  return hmac(key, text).toString("hex") === signature ? undefined : "SignatureDoesNotMatch";
}

function toError(status: number, code: string): Response {
  const xml = `<Error><Code>${code}</Code><Message>error ${code} of the double</Message></Error>`;
  return new Response(`<?xml version="1.0"?>${xml}`, {
    status,
    headers: { "content-type": "application/xml" },
  });
}

function toEtag(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
