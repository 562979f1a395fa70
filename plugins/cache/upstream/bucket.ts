import { onAbort } from "signalman";
import { isKeptHeader } from "../s3/object-headers.ts";
import type { Manifest } from "../store/manifest.ts";
import type { UpstreamLocation } from "./location.ts";

export interface UpstreamKey {
  readonly id: string;
  readonly secret: string;
}

/** The objects of this cache in another S3 service. All calls reject when their signal aborts. */
export interface UpstreamBucket {
  /** Begins to read an object; `undefined` when it does not exist. */
  get(key: string, signal: AbortSignal): Promise<UpstreamObject | undefined>;
  /** Stores an object, which appears when it is whole. */
  put(key: string, content: UpstreamContent, signal: AbortSignal): Promise<void>;
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Lists up to 1,000 objects whose keys begin with the prefix, in the order of their keys. */
  list(prefix: string, after: string, signal: AbortSignal): Promise<UpstreamPage>;
}

export interface UpstreamObject extends Pick<Manifest, "size" | "etag" | "headers"> {
  readonly body: AsyncIterable<Uint8Array>;
}

export interface UpstreamContent {
  readonly type: string;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

export interface UpstreamPage {
  readonly objects: readonly ListedObject[];
  readonly isLast: boolean;
}

export type ListedObject = Pick<Manifest, "key" | "size" | "etag" | "modifiedAt">;

export function openUpstreamBucket(location: UpstreamLocation, { id, secret }: UpstreamKey): UpstreamBucket {
  const { bucket, prefix, endpoint, region } = location;
  const client = new Bun.S3Client({
    bucket,
    region,
    // Without them the client takes the variables of AWS.
    ...(id && { accessKeyId: id }),
    ...(secret && { secretAccessKey: secret }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return {
    async get(key, signal) {
      const url = client.presign(prefix + key, { method: "GET", expiresIn: 3600 });
      const answer = await fetch(url, { signal, redirect: "error", decompress: false });
      if (answer.status === 200) return readAnswer(answer);
      await answer.body?.cancel();
      // An object that the service does not accept is none of its faults.
      if (answer.status === 404 || answer.status === 400) return undefined;
      throw new Error(`the answer has the status ${answer.status}`);
    },
    async put(key, { type, body }, signal) {
      const written = client.write(prefix + key, new Response(body), {
        type,
        partSize,
        queueSize: 1,
        retry: 2,
      });
      await unlessAborted(written, signal);
    },
    async remove(key, signal) {
      try {
        await unlessAborted(client.delete(prefix + key), signal);
      } catch (error) {
        // Some services answer so when the object does not exist.
        if ((error as { readonly code?: unknown }).code !== "NoSuchKey") throw error;
      }
    },
    async list(wanted, after, signal) {
      const options = {
        prefix: prefix + wanted,
        maxKeys: 1000,
        ...(after && { startAfter: prefix + after }),
      };
      const { contents = [], isTruncated = false } = await unlessAborted(client.list(options), signal);
      const objects = contents.flatMap(({ key, size = 0, eTag = "", lastModified }) =>
        key.startsWith(prefix + wanted)
          ? [
              {
                key: key.slice(prefix.length),
                size: Number(size),
                etag: eTag.replaceAll('"', ""),
                modifiedAt: Date.parse(String(lastModified)) || 0,
              },
            ]
          : [],
      );
      return { objects, isLast: !isTruncated || objects.length === 0 };
    },
  };
}

/** One part is in memory for each upload. */
const partSize = 8 * 1024 * 1024;

function readAnswer(answer: Response): UpstreamObject {
  const size = Number(answer.headers.get("content-length") ?? "NaN");
  if (!Number.isSafeInteger(size) || size < 0) throw new Error("the answer does not announce its length");
  const headers = Object.fromEntries(Array.from(answer.headers).filter(([name]) => isKeptHeader(name)));
  const etag = (answer.headers.get("etag") ?? "").replaceAll('"', "");
  return { size, etag, headers, body: answer.body ?? new Blob().stream() };
}

/** Waits for work that cannot be cancelled, until the signal aborts. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  using _listener = onAbort(signal, () => reject(signal.reason));
  work.catch(() => {});
  return await Promise.race([work, promise]);
}
