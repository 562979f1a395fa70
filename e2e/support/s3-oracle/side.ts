import type { AwsClient } from "aws4fetch";

/** One of two servers that get the same requests. */
export interface Side {
  readonly name: string;
  /** Sends a request to a path below the bucket. */
  send(method: string, path: string, options?: SendOptions): Promise<Response>;
  /** What each ETag of this server stands for, since two servers have different ones for one content. */
  readonly labels: Map<string, string>;
  /** The last ETag of each key. */
  readonly etags: Map<string, string>;
}

export interface SendOptions {
  readonly body?: Uint8Array | string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export function createSide(name: string, url: string, client: AwsClient): Side {
  return {
    name,
    labels: new Map(),
    etags: new Map(),
    send: (method, path, { body, headers } = {}) =>
      client.fetch(url + path, {
        method,
        ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> | string }),
        ...(headers && { headers }),
      }),
  };
}

/** What is compared of an answer to a request for an object. */
export async function readAnswer(answer: Response, { labels }: Side): Promise<Record<string, unknown>> {
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status >= 300) return { status: answer.status, code: readText(bytes.toString(), "Code")[0] };
  const header = (name: string) => answer.headers.get(name) ?? undefined;
  const metadata = Array.from(answer.headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  // Meant: versitygw computes a CRC-64 for clients that have sent no checksum, and the cache computes none.
  const checksums = Array.from(answer.headers).filter(([name]) =>
    /^x-amz-checksum-(?!type|crc64nvme)/.test(name),
  );
  return {
    status: answer.status,
    content: toDigest(bytes),
    length: header("content-length"),
    range: header("content-range"),
    type: header("content-type"),
    encoding: header("content-encoding"),
    disposition: header("content-disposition"),
    etag: toLabel(header("etag"), labels),
    metadata: Object.fromEntries(metadata),
    checksums: Object.fromEntries(checksums),
  };
}

/** What is compared of one page of a list, and where the next one begins. */
export interface ListedPage {
  readonly status: number;
  readonly code: string | undefined;
  readonly keys: readonly string[];
  readonly sizes: readonly string[];
  readonly etags: readonly (string | undefined)[];
  readonly prefixes: readonly string[];
  readonly count: string | undefined;
  readonly most: string | undefined;
  readonly next: string | undefined;
}

export async function readList(answer: Response, { labels }: Side): Promise<ListedPage> {
  const text = await answer.text();
  const all = (name: string) => readText(text, name);
  const keys = all("Key");
  const inPrefixes = readText(text.replaceAll(/<Contents>.*?<\/Contents>/gs, ""), "Prefix");
  const isTruncated = all("IsTruncated")[0] === "true" && all("MaxKeys")[0] !== "0";
  return {
    status: answer.status,
    code: all("Code")[0],
    keys,
    sizes: all("Size"),
    etags: all("ETag").map((etag) => toLabel(etag, labels)),
    // The first one is that of the request.
    prefixes: inPrefixes.slice(1).toSorted(),
    count: all("KeyCount")[0],
    most: all("MaxKeys")[0],
    next: isTruncated ? (all("NextContinuationToken")[0] ?? all("NextMarker")[0] ?? keys.at(-1)) : undefined,
  };
}

export function toLabel(etag: string | undefined, labels: ReadonlyMap<string, string>): string | undefined {
  if (etag === undefined) return undefined;
  const plain = toPlain(etag);
  return labels.get(plain) ?? `unknown ETag ${plain}`;
}

/** Removes the quotes of an ETag. */
export function toPlain(etag: string): string {
  return etag.replaceAll(/"|&quot;|&#34;/g, "");
}

export function toDigest(bytes: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha1").update(bytes).digest("hex");
}

/** Returns the texts of all elements with a name. */
export function readText(xml: string, name: string): string[] {
  return Array.from(xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g")), ([, text]) => text!);
}
