import { join } from "node:path";
import type { Logger } from "signalman";
import { AwsClient } from "aws4fetch";
import { createRecordingLogger, tmpdir } from "signalman/testing";
import { openHttpServer, type HttpLimits } from "signalman/http";
import { type Access, createCredentials } from "../credentials.ts";
import { createS3 } from "../s3/handler.ts";
import { createSharing } from "../sharing.ts";
import { type ObjectStore, openStore, type StoreOptions } from "../store/store.ts";
import { createUploads, type UploadsOptions } from "../store/uploads.ts";
import { createCacheUses } from "../uses.ts";
import { storeObject } from "./objects.ts";

export interface SceneOptions extends Partial<StoreOptions>, Partial<Omit<UploadsOptions, "store">> {
  readonly limits?: Partial<HttpLimits>;
  /** Default: no project shares its objects. */
  readonly share?: readonly string[];
  /** Puts an upstream behind the store. */
  readonly toStore?: (store: ObjectStore, logger: Logger, root: string) => ObjectStore;
}

/** A server of the dialect on a store of its own. */
export async function openScene(options: SceneOptions = {}) {
  const { limits, share = [], toStore = (store) => store, ...others } = options;
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  const root = join(tmp.path, "cache");
  const logger = createRecordingLogger();
  const store = stack.use(toStore(openStore({ root, capacity: 256 * 1024 * 1024, ...others }), logger, root));
  const uploads = stack.use(createUploads({ store, leastPartBytes: 1024, ...others }));
  const dead = new Set<string>();
  const credentials = createCredentials({ secret: Buffer.alloc(32, 7), isAlive: (job) => !dead.has(job) });
  const uses = createCacheUses(() => {});
  const sharing = createSharing(share);
  const server = stack.use(
    await openHttpServer(
      {
        address: { kind: "tcp", host: "127.0.0.1", port: 0 },
        option: "--listen",
        logger,
        limits: { connections: 512, requestMs: 20_000, stallMs: 20_000, idleMs: 20_000, ...limits },
      },
      createS3({ bucket: "cache", store, uploads, credentials, uses, sharing, logger }),
    ),
  );
  const issue = (access: Partial<Access> = {}) =>
    credentials.issue({ project: "held-1", job: "job-1", canWrite: true, ...access });
  /** A client that signs as the library `aws4fetch` does. */
  const client = (access: Partial<Access> = {}, region = "auto") => {
    const { id, secret } = issue(access);
    const aws = new AwsClient({
      accessKeyId: id,
      secretAccessKey: secret,
      service: "s3",
      region,
      retries: 0,
    });
    return (method: string, path: string, { body, headers }: RequestOptions = {}): Promise<Response> =>
      aws.fetch(`${server.url}/cache${path}`, { method, body, headers });
  };
  return {
    root,
    store,
    uploads,
    server,
    logger,
    uses,
    issue,
    client,
    end: (job: string) => void dead.add(job),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export type Scene = Awaited<ReturnType<typeof openScene>>;

/** A scene whose object "held-1/a" has the content "before". */
export async function openStoredScene(options: SceneOptions = {}) {
  const at = await openScene(options);
  await storeObject(at.store, { project: "held-1", key: "held-1/a" }, Buffer.from("before"));
  const content = async () => (await at.client()("GET", "/held-1/a")).text();
  return { ...at, content };
}

interface RequestOptions {
  readonly body?: string | undefined;
  readonly headers?: Record<string, string>;
}

/** Returns the texts of all elements with a name. */
export function textsOf(xml: string, name: string): string[] {
  return Array.from(xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g")), ([, text]) => text!);
}

/** Returns status and code of an answer. */
export async function faultOf(answer: Response | Promise<Response>): Promise<string> {
  const response = await answer;
  return [response.status, textsOf(await response.text(), "Code")[0]].join(" ").trim();
}

/** Collects what happens, for tests that wait for it. */
export function createEventLog<T>() {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  return {
    all: all as readonly T[],
    add(event: T): void {
      all.push(event);
      for (const wake of waiting) wake();
    },
    /** Resolves when the event has happened as often as given. */
    until(event: T, times = 1): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (all.filter((each) => each === event).length < times) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      return promise;
    },
  };
}
