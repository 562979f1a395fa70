import path from "node:path";
import { AwsClient } from "aws4fetch";
import { createCredentials } from "../../plugins/cache/credentials.ts";
import { toSharedSecret } from "../../plugins/cache/service/shared-secret.ts";
import { binary } from "./fixtures.ts";
import { findPort } from "./s3-oracle/versitygw.ts";

const secret = "a secret of 32 characters or more";

/** A `cache serve` that can be killed and started again, at the same address and with the same objects. */
export interface CacheProcess extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/cache`. */
  readonly url: string;
  /** Everything that it has logged. */
  readonly log: string;
  /** Resolves when it serves. */
  start(): Promise<void>;
  /** Sends SIGKILL. */
  kill(): Promise<void>;
  /** Sends SIGTERM. */
  stop(): Promise<void>;
  /** Returns the output of `cache usage`. */
  usage(): Promise<string>;
  send(method: string, key: string, body?: Uint8Array<ArrayBuffer>): Promise<Response>;
}

/** Two caches, of which the second one is the bucket of the first. */
export function createCacheSite(directory: string) {
  const bucket = createCacheProcess({
    directory: path.join(directory, "bucket"),
    project: "ci",
    prefix: "ci/",
  });
  const { id, secret: key } = bucket.issue();
  const endpoint = new URL(bucket.url).origin;
  const cache = createCacheProcess({
    directory: path.join(directory, "cache"),
    flags: [`--cache-upstream=s3://cache/ci?endpoint=${endpoint}`],
    env: {
      SEMAPHORE_AGENT_CACHE_UPSTREAM_KEY_ID: id,
      SEMAPHORE_AGENT_CACHE_UPSTREAM_SECRET: key,
    },
    project: "held-1",
  });
  return {
    cache,
    bucket,
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await bucket[Symbol.asyncDispose]();
    },
  };
}

interface CacheProcessOptions {
  readonly directory: string;
  readonly project: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Before the keys of objects. */
  readonly prefix?: string;
}

function createCacheProcess({ directory, project, flags = [], env, prefix = "" }: CacheProcessOptions) {
  const port = findPort();
  const url = `http://127.0.0.1:${port}/cache`;
  const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
  const issue = () => credentials.issue({ project, job: `job of ${project}`, canWrite: true });
  const { id, secret: key } = issue();
  const aws = new AwsClient({
    accessKeyId: id,
    secretAccessKey: key,
    service: "s3",
    region: "auto",
    retries: 0,
  });
  let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;
  let reading: Promise<void> | undefined;
  let log = "";
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child?.kill(signal);
    await child?.exited;
    await reading;
    child = undefined;
  };
  const served: CacheProcess = {
    url,
    get log() {
      return log;
    },
    async start() {
      const started = Promise.withResolvers<void>();
      const own = Bun.spawn(
        [
          binary,
          ..."cache serve --cache-size 1GiB --cache-path".split(" "),
          directory,
          `--cache-listen=127.0.0.1:${port}`,
          ...flags,
        ],
        {
          env: { ...process.env, SEMAPHORE_AGENT_CACHE_SECRET: secret, ...env },
          stdin: "ignore",
          stdout: "pipe",
          stderr: "inherit",
        },
      );
      child = own;
      let text = "";
      reading = (async () => {
        for await (const bytes of own.stdout) {
          text += Buffer.from(bytes).toString();
          log += Buffer.from(bytes).toString();
          if (text.includes("a cache of 1.0 GiB is at")) started.resolve();
        }
        started.reject(new Error(`the cache has ended: ${text}`));
      })();
      started.promise.catch(() => {});
      await started.promise;
    },
    usage: () => Bun.$`${binary} cache usage --cache-path ${directory} --state-dir ${directory}/none`.text(),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    send: (method, name, body) =>
      aws.fetch(`${url}/${prefix}held-1/${name}`, { method, ...(body && { body }) }),
    [Symbol.asyncDispose]: () => end("SIGKILL"),
  };
  return Object.assign(served, { issue });
}
