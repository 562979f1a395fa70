// Measures how fast the cache stores and restores an object in parts of 5 MiB, five at once, compared with `cp` on the
// same disk, and its memory while 20 jobs restore: `bun bench/cache.ts [megabytes]`.
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { silentLogger } from "../src/testing/index.ts";
import { openCache } from "../plugins/cache/cache.ts";
import { createCacheUses } from "../plugins/cache/uses.ts";
import { mb, ms, row } from "./figures.ts";
import { readCpu, readMemory } from "./proc.ts";

const megabytes = Number(process.argv[2] ?? 1000);
const bytes = megabytes * 1_000_000;
const partBytes = 5 * 1024 * 1024;
const access = { project: "bench", job: "bench", canWrite: true };

if (process.argv[2] === "serve") await serve(process.argv[3]!);
else await measureAll();

/** The server, in a process of its own. */
async function serve(stateDirectory: string): Promise<void> {
  const options = {
    size: 2 ** 40,
    path: "",
    stateDirectory,
    hosts: {},
    listen: [],
    isAlive: () => true,
    uses: createCacheUses(() => {}),
    logger: silentLogger,
  };
  const { url, credentials } = await openCache(options);
  console.log(JSON.stringify({ url, key: credentials.issue(access) }));
}

async function measureAll(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "signalman-bench-"));
  const server = Bun.spawn([process.execPath, import.meta.filename, "serve", directory], { stdout: "pipe" });
  try {
    const { value } = await server.stdout.getReader().read();
    const { url, key } = JSON.parse(new TextDecoder().decode(value)) as { url: string; key: Key };
    const client = createClient(`${url}/cache/bench/object`, key);
    const source = join(directory, "source");
    await makeFile(source);

    const copy = await rate(async () => {
      await Bun.spawn(["cp", source, join(directory, "copy")]).exited;
    });
    report("cp", copy);
    const before = readMemory(server.pid).rss;
    const measure = async (label: string, work: () => Promise<void>): Promise<void> => {
      const cpu = readCpu(server.pid);
      report(label, await rate(work), copy);
      row(`${label}: CPU time of the server for 1 GB`, ms(((readCpu(server.pid) - cpu) / bytes) * 1e9));
    };
    await measure("store", () => client.store(source));
    await measure("restore", () => client.restore(join(directory, "restored")));
    const { exitCode } = Bun.spawnSync(["cmp", source, join(directory, "restored")]);
    if (exitCode !== 0) throw new Error("the restored file differs");
    const after = readMemory(server.pid).rss;
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, readMemory(server.pid).rss)), 20);
    await Promise.all(Array.from({ length: 20 }, () => client.restore("/dev/null")));
    clearInterval(timer);
    row(
      "memory of the server: at first, before and with 20 restores",
      [before, after, peak].map(mb).join(", "),
    );
  } finally {
    server.kill();
    await server.exited;
    rmSync(directory, { recursive: true });
  }
}

interface Key {
  readonly id: string;
  readonly secret: string;
}

/** The client of a job, which signs and does not hash bodies, as SDKs do with HTTPS. */
function createClient(url: string, { id, secret }: Key) {
  const aws = new AwsClient({ accessKeyId: id, secretAccessKey: secret, service: "s3", region: "auto" });
  const send = async (init: RequestInit, query = ""): Promise<Response> => {
    const answer = await aws.fetch(url + query, init);
    if (!answer.ok) throw new Error(`${init.method}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  return {
    async store(path: string): Promise<void> {
      const begun = await (await send({ method: "POST" }, "?uploads")).text();
      const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun)![1]!;
      const parts: string[] = [];
      await forEachPart(async (index, start, end) => {
        const body = await Bun.file(path).slice(start, end).arrayBuffer();
        const answer = await send({ method: "PUT", body }, `?partNumber=${index + 1}&uploadId=${uploadId}`);
        const etag = answer.headers.get("etag");
        parts[index] = `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`;
      });
      const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
      await send({ method: "POST", body }, `?uploadId=${uploadId}`);
    },
    async restore(path: string): Promise<void> {
      await using file = await open(path, "w");
      await forEachPart(async (_, start, end) => {
        const answer = await send({ method: "GET", headers: { range: `bytes=${start}-${end - 1}` } });
        await file.write(new Uint8Array(await answer.arrayBuffer()), 0, end - start, start);
      });
    },
  };
}

/** Five at once. */
async function forEachPart(
  work: (index: number, start: number, end: number) => Promise<void>,
): Promise<void> {
  const starts = Array.from(
    { length: Math.ceil(bytes / partBytes) },
    (_, index) => index * partBytes,
  ).entries();
  const worker = async (): Promise<void> => {
    for (const [index, start] of starts) await work(index, start, Math.min(bytes, start + partBytes));
  };
  await Promise.all(Array.from({ length: 5 }, worker));
}

async function makeFile(path: string): Promise<void> {
  await using file = await open(path, "wx");
  const block = crypto.getRandomValues(Buffer.alloc(65_536));
  for (let at = 0; at < bytes; at += block.length)
    await file.write(block, 0, Math.min(block.length, bytes - at));
}

async function rate(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (bytes / (performance.now() - start)) * 1000;
}

function report(label: string, bytesPerSecond: number, reference = bytesPerSecond): void {
  const share = `${Math.round((bytesPerSecond / reference) * 100)} % of cp`;
  row(label, `${mb(bytesPerSecond)}/s${reference === bytesPerSecond ? "" : `, ${share}`}`);
}
