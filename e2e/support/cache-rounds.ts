import { tmpdir } from "signalman/testing";
import { type CacheProcess, createCacheSite } from "./cache-site.ts";
import { createRandom } from "./crash-job.ts";
import { until } from "./jobs.ts";

export interface CacheRoundsOptions {
  readonly seed: number;
  readonly rounds: number;
}

/** What an object may be: the last version that was acknowledged, or one whose answer did not come. */
type Versions = Set<number>;

/** No object. */
const none = 0;
const clients = 4;
const keysOfClient = 3;

/**
 * Stores and removes objects in a cache with an upstream, and kills one of them or both in each round. Returns what is
 * wrong: an object that is not whole, one that was acknowledged and is missing, and one that differs in the end.
 */
export async function runCacheRounds({ seed, rounds }: CacheRoundsOptions): Promise<string[]> {
  await using tmp = await tmpdir();
  await using site = createCacheSite(tmp.path);
  const random = createRandom(seed);
  const faults: string[] = [];
  const known = new Map<string, Versions>();
  const acknowledged = { small: 0, large: 0, removed: 0 };
  let version = 0;
  for (let client = 0; client < clients; client++)
    for (let key = 0; key < keysOfClient; key++) known.set(`client ${client}/${key}`, new Set([none]));

  const work = async (client: number, draw: () => number, isOver: () => boolean): Promise<void> => {
    while (!isOver()) {
      const key = `client ${client}/${Math.floor(draw() * keysOfClient)}`;
      const isRemoval = draw() < 0.2;
      const next = isRemoval ? none : ++version;
      known.get(key)!.add(next);
      const content = isRemoval ? undefined : toContent(key, next, draw());
      const sent = content ? put(site.cache, key, content) : site.cache.send("DELETE", key);
      const answer = await sent.catch(() => undefined);
      if (answer === undefined) continue;
      if (!answer.ok) faults.push(`"${key}" is answered with ${answer.status}`);
      known.set(key, new Set([next]));
      acknowledged[content === undefined ? "removed" : content.length > partBytes ? "large" : "small"] += 1;
    }
  };
  const check = async (key: string, cache: CacheProcess): Promise<number | undefined> => {
    const found = await readVersion(cache, key);
    if (found === undefined) faults.push(`"${key}" is not whole`);
    return found;
  };

  await site.bucket.start();
  await site.cache.start();
  for (let round = 0; round < rounds; round++) {
    let isOver = false;
    const draws = Array.from({ length: clients }, () => createRandom(Math.floor(random() * 2 ** 31)));
    const working = draws.map((draw, client) => work(client, draw, () => isOver));
    await Bun.sleep(random() * 400);
    const victim = random();
    const isCache = victim < 0.7;
    const isBucket = victim > 0.5;
    await Promise.all([isCache && site.cache.kill(), isBucket && site.bucket.kill()]);
    isOver = true;
    await Promise.all(working);
    if (isBucket) await site.bucket.start();
    if (isCache) await site.cache.start();
    for (const [key, versions] of known) {
      const found = await check(key, site.cache);
      if (found !== undefined && !versions.has(found))
        faults.push(`round ${round}: "${key}" is version ${found}, and not ${[...versions].join(" or ")}`);
      known.set(key, new Set(found === undefined ? versions : [found]));
    }
  }
  for (const key of known.keys()) {
    let texts = "";
    const isSame = async (): Promise<boolean> => {
      const [own, other] = [await check(key, site.cache), await check(key, site.bucket)];
      texts = `"${key}" is version ${own} in the cache, and ${other} in its upstream`;
      return own === other;
    };
    await until("the upstream has what the cache has", isSame).catch(() => faults.push(texts));
  }
  for (const [kind, count] of Object.entries(acknowledged))
    if (count === 0) faults.push(`no change of the kind "${kind}" was made`);
  return faults;
}

/** Stores a large object in parts, as the toolbox does. Resolves to the last answer. */
async function put(cache: CacheProcess, key: string, content: Buffer<ArrayBuffer>): Promise<Response> {
  if (content.length <= partBytes) return cache.send("PUT", key, content);
  const begun = await (await cache.send("POST", `${key}?uploads`)).text();
  const [, upload] = /<UploadId>(.*)<\/UploadId>/.exec(begun)!;
  const parts: string[] = [];
  for (let at = 0; at < content.length; at += partBytes) {
    const number = parts.length + 1;
    const part = content.subarray(at, at + partBytes);
    const answer = await cache.send("PUT", `${key}?partNumber=${number}&uploadId=${upload}`, part);
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${answer.headers.get("etag")}</ETag></Part>`);
  }
  const list = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  return cache.send("POST", `${key}?uploadId=${upload}`, Buffer.from(list));
}

const partBytes = 5 * 1024 * 1024;

function toContent(key: string, version: number, draw: number): Buffer<ArrayBuffer> {
  const size = draw < 0.15 ? 6_000_000 : Math.floor(draw * 600_000);
  return Buffer.from(Buffer.alloc(Math.max(100, size), `${version} ${key};`));
}

/** Resolves to {@link none} for a missing object, and to `undefined` for one that is not what was stored. */
async function readVersion(cache: CacheProcess, key: string): Promise<number | undefined> {
  const answer = await cache.send("GET", key);
  const bytes = Buffer.from(await answer.bytes());
  if (answer.status === 404) return none;
  const version = Number.parseInt(bytes.toString("latin1", 0, 20), 10);
  const isWhole = answer.ok && bytes.equals(Buffer.alloc(bytes.length, `${version} ${key};`));
  return isWhole ? version : undefined;
}
