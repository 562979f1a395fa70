import { mkdirSync } from "node:fs";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { run } from "../cluster/command.ts";
import { findGo } from "../cluster/go.ts";
import { home } from "../cluster/layout.ts";
import { until } from "../jobs.ts";

const version = "v1.8.0";

/** An S3 server of other authors, on a directory, with an empty bucket `cache`. */
export interface OtherServer extends AsyncDisposable {
  readonly url: string;
  readonly client: AwsClient;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly pid: number;
}

/** Builds versitygw from its Go modules once, and starts it. */
export async function startVersitygw(directory: string): Promise<OtherServer> {
  const bin = path.join(home, "versitygw", version);
  const program = path.join(bin, "versitygw");
  if (!(await Bun.file(program).exists()))
    await run([await findGo(), "install", `github.com/versity/versitygw/cmd/versitygw@${version}`], {
      env: { GOBIN: bin },
      timeoutMs: 1_200_000,
    });
  const root = path.join(directory, "versitygw");
  mkdirSync(path.join(root, "cache"), { recursive: true });
  const port = findPort();
  const [accessKeyId, secretAccessKey] = ["oracle", "secret-of-the-oracle"] as const;
  const child = Bun.spawn(
    [
      program,
      `--port=127.0.0.1:${port}`,
      `--access=${accessKeyId}`,
      `--secret=${secretAccessKey}`,
      "--quiet",
      "--keep-alive",
      "posix",
      root,
    ],
    { stdout: "ignore", stderr: "inherit" },
  );
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    service: "s3",
    region: "us-east-1",
    retries: 0,
  });
  const url = `http://127.0.0.1:${port}/cache`;
  const isUp = () =>
    client.fetch(url, { method: "HEAD" }).then(
      ({ status }) => status === 200,
      () => false,
    );
  await until("versitygw answers", isUp);
  return {
    url,
    client,
    accessKeyId,
    secretAccessKey,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

export function findPort(): number {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  return server.port;
}
