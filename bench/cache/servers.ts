import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../src/testing/index.ts";
import { startVersitygw } from "../../e2e/support/s3-oracle/versitygw.ts";
import { openCache } from "../../plugins/cache/cache.ts";
import { createCacheUses } from "../../plugins/cache/uses.ts";
import { type Client, createBareClient, createClient, type Key, type LargeClient } from "./client.ts";

/** A server in a process of its own. */
export interface Server<C = Client> extends AsyncDisposable {
  readonly pid: number;
  readonly clients: readonly [C, ...C[]];
}

export interface ServerOptions {
  /** Where the server keeps its objects. */
  readonly directory: string;
  /** The compiled client. */
  readonly program: string;
  readonly bytes: number;
}

const jobs = 20;

/** The server of the cache, whose process runs {@link serveCache}. It has one client for each of 20 jobs. */
export async function startCache({ directory, ...options }: ServerOptions): Promise<Server> {
  const server = Bun.spawn([process.execPath, import.meta.filename, directory], { stdout: "pipe" });
  const { url, keys } = JSON.parse(await readLine(server.stdout)) as { url: string; keys: [Key, ...Key[]] };
  const toClient = (key: Key) => createClient({ ...options, bucket: `${url}/cache`, key });
  const [first, ...more] = keys;
  return { ...toServer(server), clients: [toClient(first), ...more.map(toClient)] };
}

/** A server that only copies, written in C. */
export async function startBare({ directory, ...options }: ServerOptions): Promise<Server<LargeClient>> {
  const object = join(directory, "bare-object");
  const server = Bun.spawn([compile(directory, "bare-server"), object], { stdout: "pipe" });
  const port = (await readLine(server.stdout)).trim();
  return { ...toServer(server), clients: [createBareClient({ ...options, port, object })] };
}

/** An S3 server of other authors, built from its Go modules. */
export async function startOther({ directory, ...options }: ServerOptions): Promise<Server> {
  const server = await startVersitygw(directory);
  const { url, pid, accessKeyId, secretAccessKey } = server;
  const key = { id: accessKeyId, secret: secretAccessKey };
  return {
    pid,
    clients: [createClient({ ...options, bucket: url, key })],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Compiles a C file of this directory. */
export function compile(directory: string, name: string): string {
  const program = join(directory, name);
  const source = join(import.meta.dirname, `${name}.c`);
  const { exitCode, stderr } = Bun.spawnSync(["cc", "-O2", "-o", program, source, "-pthread"]);
  if (exitCode !== 0) throw new Error(`${name}.c cannot be compiled: ${stderr.toString()}`);
  return program;
}

async function serveCache(stateDirectory: string): Promise<void> {
  mkdirSync(stateDirectory, { recursive: true });
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

async function readLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const { value } = await stream.getReader().read();
  return new TextDecoder().decode(value);
}

function toServer(server: Bun.Subprocess): AsyncDisposable & { readonly pid: number } {
  return {
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
    },
  };
}

if (import.meta.main) await serveCache(process.argv[2]!);
