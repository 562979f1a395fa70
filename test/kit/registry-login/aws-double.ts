import { createHash, createHmac } from "node:crypto";

/** Doubles of Amazon's registry API and of the metadata service of its instances. */
export interface AwsDouble extends AsyncDisposable {
  /** Variables of the agent that lead it here. */
  readonly env: Readonly<Record<string, string>>;
  /** Each request, with the fault of its signature if it has one. */
  readonly requests: readonly AwsRequest[];
}

export interface AwsRequest {
  readonly call: string;
  readonly fault: string | undefined;
  readonly sessionToken: string | undefined;
}

export interface AwsDoubleOptions {
  readonly password: string;
  /** Registry of the keys' account, as ECR names it. */
  readonly registry: string;
  readonly region?: string;
  /** Secret keys by key id. Default: those of {@link ecrKeys}. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Whether the instance has a role. */
  readonly hasRole?: boolean;
  /** Answers before the good one. */
  readonly faults?: readonly (() => Response)[];
}

/** An entry's variables with keys that the double knows. */
export const ecrKeys = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "job-secret" };

const roleKeys = { AccessKeyId: "role-key", SecretAccessKey: "role/secret+", Token: "role-session==" };
const metadataToken = "metadata-token";

export function startAws(options: AwsDoubleOptions): AwsDouble {
  const requests: AwsRequest[] = [];
  const faults = [...(options.faults ?? [])];
  const ecr = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const call = request.headers.get("x-amz-target") ?? request.url;
      const sessionToken = request.headers.get("x-amz-security-token") ?? undefined;
      const fault = await findSignatureFault(request, options);
      requests.push({ call, fault, sessionToken });
      const early = faults.shift();
      if (early) return early();
      if (fault) {
        // As Amazon's: the lines after the first repeat the request, with its session token.
        const message = `The request signature does not match: ${fault}\n\n'POST\n${sessionToken}'`;
        return Response.json({ __type: "InvalidSignatureException", message }, { status: 400 });
      }
      const authorizationToken = Buffer.from(`AWS:${options.password}`).toString("base64");
      const proxyEndpoint = `https://${options.registry}`;
      return Response.json({ authorizationData: [{ authorizationToken, expiresAt: 1, proxyEndpoint }] });
    },
  });
  const metadata = serveMetadata(options.hasRole === true, (call) =>
    requests.push({ call, fault: undefined, sessionToken: undefined }),
  );
  return {
    env: {
      AWS_ENDPOINT_URL_ECR: `http://127.0.0.1:${ecr.port}`,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${metadata.port}`,
    },
    requests,
    async [Symbol.asyncDispose]() {
      await Promise.all([ecr.stop(true), metadata.stop(true)]);
    },
  };
}

function serveMetadata(hasRole: boolean, onCall: (call: string) => void) {
  const roles = "/latest/meta-data/iam/security-credentials/";
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      onCall(`${request.method} ${pathname}`);
      const refused = new Response("", { status: 401 });
      if (pathname === "/latest/api/token") {
        const isAsked =
          request.method === "PUT" && request.headers.has("x-aws-ec2-metadata-token-ttl-seconds");
        return isAsked ? new Response(metadataToken) : refused;
      }
      if (request.headers.get("x-aws-ec2-metadata-token") !== metadataToken) return refused;
      if (!hasRole || !pathname.startsWith(roles)) return new Response("", { status: 404 });
      return pathname === roles ? new Response("the-role") : Response.json(roleKeys);
    },
  });
}

/** Computes the signature (version 4) again, as Amazon's documentation describes it, and compares. */
async function findSignatureFault(
  request: Request,
  { secrets = {}, region = "eu-test-1" }: AwsDoubleOptions,
): Promise<string | undefined> {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const found = pattern.exec(request.headers.get("authorization") ?? "");
  if (!found) return "no signature";
  const [, keyId = "", day = "", signedRegion = "", service = "", names = "", signature] = found;
  const known: Readonly<Record<string, string>> = {
    [ecrKeys.AWS_ACCESS_KEY_ID]: ecrKeys.AWS_SECRET_ACCESS_KEY,
    [roleKeys.AccessKeyId]: roleKeys.SecretAccessKey,
    ...secrets,
  };
  const secret = known[keyId];
  if (secret === undefined) return `unknown key "${keyId}"`;
  if (keyId === roleKeys.AccessKeyId && request.headers.get("x-amz-security-token") !== roleKeys.Token)
    return "the role's session token is missing";
  if (signedRegion !== region || service !== "ecr") return `signed for ${signedRegion}/${service}`;
  const date = request.headers.get("x-amz-date") ?? "";
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const age = Date.now() - Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (!(Math.abs(age) < 15 * 60_000) || !date.startsWith(day)) return `signed at "${date}"`;
  const signed = names.split(";");
  for (const name of ["host", "x-amz-date", "x-amz-target"])
    if (!signed.includes(name)) return `header ${name} is not signed`;
  const { pathname, search } = new URL(request.url);
  const headers = signed.map((name) => `${name}:${(request.headers.get(name) ?? "").trim()}\n`).join("");
  const body = sha256(Buffer.from(await request.arrayBuffer()));
  const canonical = [request.method, pathname, search.slice(1), headers, names, body].join("\n");
  const scope = `${day}/${region}/ecr/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(Buffer.from(canonical))].join("\n");
  const key = [day, region, "ecr", "aws4_request"].reduce<Buffer>(
    (previous, word) => hmac(previous, word),
    Buffer.from(`AWS4${secret}`),
  );
  return hmac(key, text).toString("hex") === signature ? undefined : "another signature";
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
