import { rm } from "node:fs/promises";
import { AwsClient } from "aws4fetch";

const partBytes = 5 * 1024 * 1024;
const smallBytes = 1000;

/** A client of a server that stores one large object, and small ones. */
export interface Client {
  store(path: string): Promise<void>;
  restore(path: string): Promise<void>;
  /** Removes the large object, or does nothing. */
  remove(): Promise<void>;
  /** Signs requests for small objects. The result sends them. */
  prepareSmall(method: "put" | "get", path: string, count: number): Promise<() => Promise<unknown>>;
}

export interface ClientOptions {
  /** The compiled program that sends and receives the parts, which JavaScript would slow down. */
  readonly program: string;
  /** Size of the large object. */
  readonly bytes: number;
  /** `http://host:port/bucket`. */
  readonly bucket: string;
  readonly key: Key;
}

export interface Key {
  readonly id: string;
  readonly secret: string;
}

/** A client whose bodies are not hashed, as those of SDKs with HTTPS. It signs before its program is started. */
export function createClient({ program, bytes, bucket, key: { id, secret } }: ClientOptions): Client {
  const aws = new AwsClient({
    accessKeyId: id,
    secretAccessKey: secret,
    service: "s3",
    region: "us-east-1",
    retries: 0,
  });
  const { port, origin } = new URL(bucket);
  const object = `${bucket}/bench/object`;
  const sign = async (method: string, suffix = ""): Promise<string> => {
    const { url } = await aws.sign(object + suffix, { method, aws: { signQuery: true } });
    return url.slice(origin.length);
  };
  const send = async (query: string, body = "", method = "POST"): Promise<string> => {
    const answer = await aws.fetch(object + query, { method, ...(body && { body }) });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.text();
  };
  return {
    async store(path) {
      const [, uploadId] = /<UploadId>(.*)<\/UploadId>/.exec(await send("?uploads"))!;
      const lines = toStarts(bytes).map(async (start, index) =>
        toLine(bytes, start, await sign("PUT", `?partNumber=${index + 1}&uploadId=${uploadId}`)),
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
    async restore(path) {
      const target = await sign("GET");
      const lines = toStarts(bytes).map((start) => toLine(bytes, start, target));
      await run([program, "get", port, path], lines.join(""));
    },
    remove: async () => void (await send("", "", "DELETE")),
    async prepareSmall(method, path, count) {
      const lines = Array.from(
        { length: count },
        async (_, index) => `0 ${smallBytes} ${await sign(method.toUpperCase(), `-${index}`)}\n`,
      );
      const input = (await Promise.all(lines)).join("");
      return () => run([program, method, port, path], input);
    },
  };
}

/** What the client of a server of one large object can do. */
export type LargeClient = Omit<Client, "prepareSmall">;

/** A client of the bare server, whose object is the file `object`. */
export function createBareClient({
  program,
  bytes,
  port,
  object,
}: Pick<ClientOptions, "program" | "bytes"> & {
  readonly port: string;
  readonly object: string;
}): LargeClient {
  const send = (method: string, path: string) => {
    const lines = toStarts(bytes).map((start, index) => toLine(bytes, start, `/?partNumber=${index + 1}`));
    return run([program, method, port, path], lines.join(""));
  };
  return {
    store: async (path) => void (await send("put", path)),
    restore: async (path) => void (await send("get", path)),
    remove: () => rm(object, { force: true }),
  };
}

export async function run(command: string[], input = ""): Promise<string> {
  const child = Bun.spawn(command, { stdin: Buffer.from(input), stdout: "pipe", stderr: "inherit" });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed`);
  return output;
}

function toStarts(bytes: number): number[] {
  return Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) => index * partBytes);
}

function toLine(bytes: number, start: number, target: string): string {
  return `${start} ${Math.min(partBytes, bytes - start)} ${target}\n`;
}
