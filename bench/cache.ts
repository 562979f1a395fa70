// Measures how fast the cache stores and restores an object in parts of 5 MiB, five at once, compared with `cp` on the
// same disk (neither is synchronised with it); how many small objects it takes and gives per second; and how much its
// memory grows while 20 jobs restore: `bun bench/cache.ts [megabytes]`. The client is compiled with `cc`.
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { silentLogger } from "../src/testing/index.ts";
import { openCache } from "../plugins/cache/cache.ts";
import { createCacheUses } from "../plugins/cache/uses.ts";
import { median, mb, ms, row } from "./figures.ts";
import { readCpu, readMemory } from "./proc.ts";

const megabytes = Number(process.argv[2] ?? 1000);
const bytes = megabytes * 1_000_000;
const partBytes = 5 * 1024 * 1024;
const jobs = 20;
const smallObjects = 10_000;
const smallBytes = 1000;

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
    share: [],
    isAlive: () => true,
    uses: createCacheUses(() => {}),
    logger: silentLogger,
  };
  const { url, credentials } = await openCache(options);
  const keys = Array.from({ length: jobs }, (_, job) =>
    credentials.issue({ project: "bench", job: String(job), canWrite: true }),
  );
  console.log(JSON.stringify({ url, keys }));
}

async function measureAll(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "signalman-bench-"));
  try {
    const program = buildClient(directory);
    const source = join(directory, "source");
    await makeFile(source);
    {
      await using server = await startServer(directory, program);
      await measureLarge(server, directory, source);
    }
    // A new process has no memory from what came before.
    {
      await using server = await startServer(directory, program);
      await measureMemory(server);
    }
    await using server = await startServer(directory, program);
    await measureSmall(server, source);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Server extends AsyncDisposable {
  readonly pid: number;
  readonly clients: readonly Client[];
}

async function startServer(directory: string, program: string): Promise<Server> {
  const server = Bun.spawn([process.execPath, import.meta.filename, "serve", directory], { stdout: "pipe" });
  const { value } = await server.stdout.getReader().read();
  const { url, keys } = JSON.parse(new TextDecoder().decode(value)) as { url: string; keys: Key[] };
  return {
    pid: server.pid,
    clients: keys.map((key) => createClient({ url, key, program })),
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
    },
  };
}

async function measureLarge({ pid, clients }: Server, directory: string, source: string): Promise<void> {
  const client = clients[0]!;
  const [copied, restored] = [join(directory, "copied"), join(directory, "restored")];
  const rounds: Round[] = [];
  for (let count = 0; count < 5; count++) {
    for (const path of [copied, restored]) rmSync(path, { force: true });
    Bun.spawnSync(["sync", "--file-system", directory]);
    const copy = await measure(pid, () => run(["cp", source, copied]));
    Bun.spawnSync(["sync", "--file-system", directory]);
    const store = await measure(pid, () => client.store(source));
    Bun.spawnSync(["sync", "--file-system", directory]);
    const restore = await measure(pid, () => client.restore(restored));
    await run(["cmp", source, restored]);
    rounds.push({ copy, store, restore });
  }
  const copy = median(rounds.map((round) => round.copy.rate));
  row("cp", `${mb(copy)}/s`);
  for (const what of ["store", "restore"] as const) {
    const rate = median(rounds.map((round) => round[what].rate));
    const share = median(rounds.map((round) => round[what].rate / round.copy.rate));
    row(what, `${mb(rate)}/s, ${Math.round(share * 100)} % of cp`);
    row(`${what}: CPU time of the server for 1 GB`, ms(median(rounds.map((round) => round[what].cpu))));
  }
}

async function measureMemory({ pid, clients }: Server): Promise<void> {
  const before = readMemory(pid).rss;
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, readMemory(pid).rss)), 20);
  await Promise.all(clients.map((each) => each.restore("/dev/null")));
  clearInterval(timer);
  row(`memory of the server: before and with ${jobs} restores`, [before, peak].map(mb).join(", "));
}

async function measureSmall({ pid, clients }: Server, source: string): Promise<void> {
  const client = clients[0]!;
  for (const method of ["put", "get"] as const) {
    const transfer = await client.prepareSmall(method, method === "put" ? source : "/dev/null");
    const [cpu, start] = [readCpu(pid), performance.now()];
    await transfer();
    const seconds = (performance.now() - start) / 1000;
    const each = (readCpu(pid) - cpu) / smallObjects;
    row(`${method} objects of 1 kB`, `${Math.round(smallObjects / seconds)}/s, ${ms(each)} of CPU time each`);
  }
}

interface Measured {
  /** Bytes per second. */
  readonly rate: number;
  /** The server's milliseconds for 1 GB. */
  readonly cpu: number;
}

type Round = Readonly<Record<"copy" | "store" | "restore", Measured>>;

async function measure(server: number, work: () => Promise<unknown>): Promise<Measured> {
  const [cpu, start] = [readCpu(server), performance.now()];
  await work();
  const seconds = (performance.now() - start) / 1000;
  return { rate: bytes / seconds, cpu: ((readCpu(server) - cpu) / bytes) * 1e9 };
}

async function run(command: string[], input = ""): Promise<string> {
  const child = Bun.spawn(command, { stdin: Buffer.from(input), stdout: "pipe", stderr: "inherit" });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed`);
  return output;
}

/** Compiles the client, which JavaScript would slow down. */
function buildClient(directory: string): string {
  const program = join(directory, "client");
  const source = join(import.meta.dirname, "cache-client.c");
  const { exitCode, stderr } = Bun.spawnSync(["cc", "-O2", "-o", program, source, "-pthread"]);
  if (exitCode !== 0) throw new Error(`the client cannot be compiled: ${stderr.toString()}`);
  return program;
}

interface Key {
  readonly id: string;
  readonly secret: string;
}

interface Client {
  store(path: string): Promise<void>;
  restore(path: string): Promise<void>;
  /** Signs requests for small objects. The result sends them. */
  prepareSmall(method: "put" | "get", path: string): Promise<() => Promise<unknown>>;
}

interface ClientOptions {
  readonly url: string;
  readonly key: Key;
  readonly program: string;
}

/** A client whose bodies are not hashed, as those of SDKs with HTTPS. It signs before its program is started. */
function createClient({ url, key: { id, secret }, program }: ClientOptions): Client {
  const aws = new AwsClient({ accessKeyId: id, secretAccessKey: secret, service: "s3", region: "auto" });
  const { port } = new URL(url);
  const object = `${url}/cache/bench/object`;
  const sign = async (method: string, suffix = ""): Promise<string> => {
    const { url: signed } = await aws.sign(object + suffix, { method, aws: { signQuery: true } });
    return signed.slice(url.length);
  };
  const send = async (query: string, body = ""): Promise<string> => {
    const answer = await aws.fetch(object + query, { method: "POST", body });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.text();
  };
  const starts = Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) => index * partBytes);
  const toLine = (start: number, target: string): string =>
    `${start} ${Math.min(partBytes, bytes - start)} ${target}\n`;
  return {
    async store(path: string): Promise<void> {
      const [, uploadId] = /<UploadId>(.*)<\/UploadId>/.exec(await send("?uploads"))!;
      const lines = starts.map(async (start, index) =>
        toLine(start, await sign("PUT", `?partNumber=${index + 1}&uploadId=${uploadId}`)),
      );
      const output = await run([program, "put", port, path], (await Promise.all(lines)).join(""));
      const parts = Array.from(
        output.matchAll(/^(\d+) (.+)$/gm),
        ([, at, etag]) =>
          `<Part><PartNumber>${Number(at) / partBytes + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
      );
      await send(
        `?uploadId=${uploadId}`,
        `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`,
      );
    },
    async restore(path: string): Promise<void> {
      const target = await sign("GET");
      await run([program, "get", port, path], starts.map((start) => toLine(start, target)).join(""));
    },
    async prepareSmall(method, path) {
      const lines = Array.from(
        { length: smallObjects },
        async (_, index) => `0 ${smallBytes} ${await sign(method.toUpperCase(), `-${index}`)}\n`,
      );
      const input = (await Promise.all(lines)).join("");
      return () => run([program, method, port, path], input);
    },
  };
}

async function makeFile(path: string): Promise<void> {
  await using file = await open(path, "wx");
  const block = crypto.getRandomValues(Buffer.alloc(65_536));
  for (let at = 0; at < bytes; at += block.length)
    await file.write(block, 0, Math.min(block.length, bytes - at));
}
