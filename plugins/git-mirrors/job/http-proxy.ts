import { gunzipSync } from "node:zlib";
import type { Exchange, Handler } from "signalman/http";
import type { Origin } from "../origin.ts";
import { createPacketReader, type PacketReader, parsePackets } from "../protocol/packets.ts";
import { parseRequest, type Request } from "../protocol/request.ts";
import { createResumingReader } from "../protocol/resume.ts";
import type { Upload } from "../protocol/upload.ts";
import { readPieces, toStream } from "../store/files.ts";
import type { Remote } from "../store/update.ts";
import type { MirrorUses } from "./uses.ts";

export interface HttpProxyOptions {
  readonly origin: Origin;
  readonly createUpload: (remote: Remote) => Upload;
  readonly uses: Pick<MirrorUses, "passed">;
  /** Whether a request has the right `Proxy-Authorization`. */
  readonly isAllowed: (header: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Passes the requests of git to the origin, with their credentials. Fetches are answered from the mirror for the
 * credentials to which the origin has announced the repository just before.
 */
export function createHttpProxy(options: HttpProxyOptions): Handler {
  const { origin, createUpload, uses, isAllowed, signal } = options;
  /** By the credentials, until when they count. */
  const admitted = new Map<string, { readonly upload: Upload; readonly until: number }>();
  const admit = (authorization: string): void => {
    const known = admitted.get(authorization);
    if (known === undefined && admitted.size >= mostCredentials) return;
    const upload = known?.upload ?? createUpload(toRemote(origin.url, authorization));
    admitted.set(authorization, { upload, until: performance.now() + admittedMs });
  };
  return async (exchange) => {
    if (!isAllowed(exchange.header("proxy-authorization"))) return exchange.send(407, "");
    const { path } = exchange;
    if (!path.startsWith("/") || !isHost(exchange.header("host"), origin))
      return exchange.send(403, "the git mirror serves another origin\n");
    const authorization = exchange.header("authorization");
    const isMethod = (text: string): boolean => exchange.method === text;
    const service = `${origin.path}/git-upload-pack`;
    if (
      isMethod("GET") &&
      path === `${origin.path}/info/refs` &&
      exchange.queryText === "service=git-upload-pack"
    ) {
      const answer = await ask(exchange, origin, path, signal);
      const announced = await readStart(answer);
      if (isVersion2(answer, announced.start)) admit(authorization);
      else admitted.delete(authorization);
      if (answer.status === 200 && !admitted.has(authorization))
        uses.passed("the origin does not speak version 2 of git's protocol");
      return pass(exchange, answer, announced.pieces);
    }
    const { upload, until = 0 } = admitted.get(authorization) ?? {};
    if (!isMethod("POST") || path !== service || upload === undefined || until < performance.now())
      return pass(exchange, await ask(exchange, origin, path, signal));
    const body = await exchange.body();
    if (body === undefined) return exchange.send(413, "");
    const request = await toRequest(body, exchange.header("content-encoding"));
    const answer = request && (await upload.answer(request));
    if (answer !== undefined && "file" in answer) {
      await using file = answer.file;
      const headers = { "content-type": "application/x-git-upload-pack-result", "cache-control": "no-cache" };
      const isSent = await exchange.stream(200, copies(readPieces(file)), {
        ...headers,
        "content-length": `${answer.bytes}`,
      });
      if (isSent) answer.sent();
      return isSent;
    }
    await using first = answer;
    const askAgain = () => ask(exchange, origin, path, signal, body, first && plainHeaders);
    const given = await askAgain();
    if (first !== undefined && isPlainAnswer(given)) {
      const packets = createResumingReader(toPackets(given), async () => toPackets(await askAgain()));
      return await pass(exchange, given, first.take(packets));
    }
    if (request === undefined || !upload.isListing(request) || given.status !== 200)
      return pass(exchange, given);
    const listing = recordPieces(given.body ?? [], mostRequestBytes);
    const isSent = await pass(exchange, given, listing.pieces);
    const whole = listing.whole();
    if (isSent && whole !== undefined) upload.listed(request, await parsePackets(whole));
    return isSent;
  };
}

/** Sends the request to the origin as it is. */
async function ask(
  exchange: Exchange,
  { host }: Origin,
  path: string,
  signal: AbortSignal,
  body?: Uint8Array,
  further: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers = new Headers();
  for (const name of exchange.headerNames)
    if (!ownHeaders.has(name)) headers.set(name, exchange.header(name));
  for (const [name, value] of Object.entries(further)) headers.set(name, value);
  const query = exchange.queryText === "" ? "" : `?${exchange.queryText}`;
  const hasBody = exchange.method !== "GET" && exchange.method !== "HEAD";
  const sent = body ?? (hasBody ? toStream(exchange.bodyPieces()) : undefined);
  return fetch(`${host}${path}${query}`, {
    method: exchange.method,
    headers,
    ...(sent && { body: sent }),
    redirect: "manual",
    decompress: false,
    signal,
  });
}

async function pass(
  exchange: Exchange,
  answer: Response,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = answer.body ?? [],
): Promise<boolean> {
  const headers: Record<string, string> = {};
  for (const [name, value] of answer.headers) if (!ownHeaders.has(name)) headers[name] = value;
  return exchange.stream(answer.status, pieces, headers);
}

interface Start {
  readonly start: Buffer;
  /** The whole body. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

async function readStart({ body }: Response): Promise<Start> {
  const reader = (body ?? new Blob().stream())[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const first: Uint8Array[] = [];
  let next = await reader.next();
  for (let bytes = 0; !next.done; next = await reader.next()) {
    first.push(next.value);
    bytes += next.value.length;
    if (bytes >= announcementBytes) break;
  }
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield* first;
    while (!next.done) {
      next = await reader.next();
      if (!next.done) yield next.value;
    }
  };
  return { start: Buffer.concat(first), pieces: pieces() };
}

function isVersion2({ status, headers }: Response, start: Buffer): boolean {
  const text = start.toString("latin1");
  return (
    status === 200 &&
    headers.get("content-type") === "application/x-git-upload-pack-advertisement" &&
    /^[0-9a-f]{4}(# service=git-upload-pack\n0000[0-9a-f]{4})?version 2\n/.test(text) &&
    !/object-format=(?!sha1\b)/.test(text)
  );
}

function toPackets(answer: Response): PacketReader {
  if (!isPlainAnswer(answer)) throw new Error(`the origin answered with status ${answer.status}`);
  return createPacketReader(answer.body ?? new Blob().stream());
}

/** Whether an answer to a fetch has packets, which are not compressed. */
function isPlainAnswer({ status, headers }: Response): boolean {
  const type = "application/x-git-upload-pack-result";
  return status === 200 && headers.get("content-type") === type && !headers.has("content-encoding");
}

/** Passes a body on and keeps it, when it is not too long. */
function recordPieces(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mostBytes: number,
): { readonly pieces: AsyncIterable<Uint8Array>; whole(): Buffer | undefined } {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes <= mostBytes) kept.push(piece);
      yield piece;
    }
  };
  return { pieces: pieces(), whole: () => (bytes <= mostBytes ? Buffer.concat(kept) : undefined) };
}

async function toRequest(body: Buffer, encoding: string): Promise<Request | undefined> {
  try {
    const plain = encoding === "gzip" ? gunzipSync(body, { maxOutputLength: mostRequestBytes }) : body;
    return parseRequest(await parsePackets(plain));
  } catch {
    return undefined;
  }
}

function toRemote(url: string, authorization: string): Remote {
  const settings = [
    ...(authorization === "" ? [] : [["http.extraHeader", `Authorization: ${authorization}`]]),
    ["credential.helper", ""],
    ["http.followRedirects", "false"],
  ];
  const variables = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { url, env: { GIT_CONFIG_COUNT: `${settings.length}`, ...Object.fromEntries(variables) } };
}

/** Whether a `Host` header is the origin's: clients use a connection to a proxy for several hosts. */
function isHost(header: string, { host }: Origin): boolean {
  const [protocol, authority] = host.split("//");
  const wanted = header.includes(":") ? header : `${header}:${protocol === "https:" ? "443" : "80"}`;
  return wanted.toLowerCase() === authority;
}

async function* copies(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece);
}

const ownHeaders = new Set([
  "host",
  "connection",
  "proxy-connection",
  "proxy-authorization",
  "keep-alive",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);
const plainHeaders = { "accept-encoding": "identity" };
const mostCredentials = 16;
const admittedMs = 600_000;
const announcementBytes = 512;
const mostRequestBytes = 64 * 1024 * 1024;
