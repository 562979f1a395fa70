import { expect, test } from "bun:test";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { tmpdir } from "signalman/testing";
import { createCredentials } from "../../plugins/cache/credentials.ts";
import { toSharedSecret } from "../../plugins/cache/service/shared-secret.ts";
import { binary } from "../support/fixtures.ts";
import { createDraws, drawOperation, type Operation } from "../support/s3-oracle/operations.ts";
import { createSide, type Side } from "../support/s3-oracle/side.ts";
import { findPort, startVersitygw } from "../support/s3-oracle/versitygw.ts";

const secret = "a secret of 32 characters or more";
const clients = 20;
const operations = Number(process.env["ORACLE_OPERATIONS"] ?? 10_000);

test("twenty clients get from the cache what another S3 server answers to the same requests", async () => {
  await using tmp = await tmpdir();
  await using other = await startVersitygw(tmp.path);
  await using cache = await serveCache(tmp.path);
  const seed = Number(process.env["ORACLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const differences: unknown[] = [];
  const work = async (client: number): Promise<void> => {
    const draws = createDraws(seed + client);
    const sides = [
      createSide("cache", cache.url, cache.toClient(client)),
      createSide("versitygw", other.url, other.client),
    ] as const;
    for (let count = 0; count < operations / clients && differences.length < 20; count++) {
      const operation = drawOperation(draws, `held-1/client ${client}`);
      const difference = await compare(operation, sides);
      if (difference !== undefined) differences.push(difference);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
  expect({ seed, differences }).toEqual({ seed, differences: [] });
}, 1_800_000);

async function compare(operation: Operation, sides: readonly [Side, Side]): Promise<unknown> {
  const [own, other] = await Promise.all(sides.map((side) => operation.run(side)));
  return Bun.deepEquals(own, other) ? undefined : { operation: operation.text, own, other };
}

/** Starts `cache serve`, with a key for each of the clients. */
async function serveCache(directory: string) {
  const port = findPort();
  const child = Bun.spawn(
    [
      binary,
      ..."cache serve --cache-size 1GiB --cache-path".split(" "),
      path.join(directory, "cache"),
      `--cache-listen=127.0.0.1:${port}`,
    ],
    {
      env: { ...process.env, SEMAPHORE_AGENT_CACHE_SECRET: secret },
      cwd: directory,
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  for await (const bytes of child.stdout) if (Buffer.from(bytes).includes("a cache of 1.0 GiB is at")) break;
  const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
  return {
    url: `http://127.0.0.1:${port}/cache`,
    toClient(client: number): AwsClient {
      const key = credentials.issue({ project: "held-1", job: `job-${client}`, canWrite: true });
      return new AwsClient({
        accessKeyId: key.id,
        secretAccessKey: key.secret,
        service: "s3",
        region: "auto",
        retries: 0,
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
