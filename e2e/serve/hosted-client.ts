import { createHmac } from "node:crypto";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createCertificateFiles } from "../../plugins/serve/testing/certificate.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { createTester, type Running, type Tester } from "../support/fixtures.ts";
import { toEvents, until } from "../support/jobs.ts";
import { programOf } from "../support/users.ts";

// A client of hosted mode, written from the protocol specification alone (sections 3, 5 and 8.3).

export const secret = "a-secret-of-the-control-plane";

/** An answer of the agent. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export interface CallOptions {
  /** Default: a valid token. `null`: no header. */
  readonly authorization?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Blob;
}

/**
 * One agent in hosted mode, and the server that receives its callbacks. Disposal ends everything that was
 * started.
 */
export interface HostedScene extends AsyncDisposable {
  readonly tester: Tester;
  readonly callbacks: CallbackServer;
  /** The running process. */
  readonly serve: Running;
  readonly url: string;
  /** The certificate of the agent. */
  readonly ca: string;
  call(method: "GET" | "POST" | "HEAD" | "DELETE", path: string, options?: CallOptions): Promise<Answer>;
  /** Submits a job whose log is pulled and whose callbacks come here. */
  submit(job: HostedJobFile): Promise<Answer>;
  log(jobId: string, startFrom?: number): Promise<JobEvent[]>;
  archive(jobId: string): Promise<JobEvent[]>;
  /** Resolves when the log shows the text. */
  shows(jobId: string, text: string): Promise<void>;
  /** Starts a further process on the same state directory, after the current one has exited. */
  restart(): Promise<void>;
}

export interface HostedJobFile {
  readonly job_id: string;
  readonly commands: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export async function createHostedScene(
  args: readonly string[] = [],
  {
    as = [],
    env = {},
  }: { readonly as?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<HostedScene> {
  const tester = await createTester();
  const { cert: ca } = createCertificateFiles(tester.home);
  // The agent may run as another user.
  chmodSync(path.join(tester.home, "server.key"), 0o644);
  const callbacks = startCallbackServer();
  const flags = ["--auth-token-secret", secret, "--host", "127.0.0.1", "--port", "0"];
  const program = await programOf(tester, as);
  const start = () => tester.start(["serve", ...flags, "--state-dir", "state", ...args], { env, program });
  const jobs: string[] = [];
  let current = await listen(start());

  const scene: HostedScene = {
    tester,
    callbacks,
    get serve() {
      return current.serve;
    },
    get url() {
      return current.url;
    },
    ca,
    async call(method, target, { authorization = `Bearer ${sign()}`, headers, body } = {}) {
      const response = await fetch(`${current.url}${target}`, {
        method,
        headers: { ...(authorization !== null && { Authorization: authorization }), ...headers },
        ...(body !== undefined && { body }),
        redirect: "manual",
        tls: { ca },
      });
      return { status: response.status, text: await response.text(), headers: response.headers };
    },
    submit({ commands, env = {}, ...rest }) {
      jobs.push(rest.job_id);
      const job = {
        env_vars: Object.entries(env).map(([name, value]) => ({ name, value: toBase64(value) })),
        commands: commands.map((directive) => ({ directive })),
        callbacks: {
          finished: `${callbacks.url}/finished`,
          teardown_finished: `${callbacks.url}/teardown`,
          token: "callback-token",
        },
        logger: { method: "pull" },
        ...rest,
      };
      return scene.call("POST", "/jobs", { body: JSON.stringify(job) });
    },
    async log(jobId, startFrom = 0) {
      return toEvents((await scene.call("GET", `/jobs/${jobId}/log?start_from=${startFrom}`)).text);
    },
    async archive(jobId) {
      const headers = { "X-Client-Name": "archivator" };
      return toEvents((await scene.call("GET", `/jobs/${jobId}/log`, { headers })).text);
    },
    async shows(jobId, text) {
      await until(`the log shows ${text}`, async () => JSON.stringify(await scene.log(jobId)).includes(text));
    },
    async restart() {
      await current.serve.finished;
      current = await listen(start());
    },
    async [Symbol.asyncDispose]() {
      for (const id of jobs) killJobProcess(path.join(tester.home, "state"), id);
      await callbacks[Symbol.asyncDispose]();
      await tester[Symbol.asyncDispose]();
    },
  };
  return scene;
}

/** Signs a token (RFC 7519) with the secret of the agent. */
export function sign(
  claims: object = {},
  { alg = "HS256", key = secret, header = {} }: { alg?: string; key?: string; header?: object } = {},
): string {
  const parts = [{ alg, typ: "JWT", ...header }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const digest = { HS256: "sha256", HS384: "sha384", HS512: "sha512" }[alg];
  const signature = digest ? createHmac(digest, key).update(parts.join(".")).digest("base64url") : "";
  return [...parts, signature].join(".");
}

export function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

interface Callback {
  readonly path: string;
  readonly authorization: string | null;
  readonly body: string;
}

/** Receives callbacks. */
export interface CallbackServer extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Callback[];
  /** Status of the answers; callbacks that are refused are counted, not recorded. */
  status: number;
  readonly refused: number;
  /** Resolves when the callback has been received, with its body. */
  has(name: "finished" | "teardown"): Promise<string>;
}

function startCallbackServer(): CallbackServer {
  const received: Callback[] = [];
  let refused = 0;
  const http = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const callback = {
        path: new URL(request.url).pathname,
        authorization: request.headers.get("authorization"),
        body: await request.text(),
      };
      if (server.status < 300) received.push(callback);
      else refused += 1;
      return new Response("", { status: server.status });
    },
  });
  const server: CallbackServer = {
    url: `http://127.0.0.1:${http.port}`,
    received,
    status: 200,
    get refused() {
      return refused;
    },
    async has(name) {
      const find = () => received.find((callback) => callback.path === `/${name}`);
      await until(`callback ${name} is received`, () => find() !== undefined);
      return find()!.body;
    },
    [Symbol.asyncDispose]: () => http.stop(true),
  };
  return server;
}

async function listen(serve: Running): Promise<{ serve: Running; url: string }> {
  const pattern = /listening on (https:\/\/127\.0\.0\.1:\d+)\n/;
  await serve.shows("listening on ");
  await until("the address is complete", () => pattern.test(serve.stdout));
  return { serve, url: pattern.exec(serve.stdout)![1]! };
}

/** A job's process outlives its agent. */
function killJobProcess(stateDirectory: string, jobId: string): void {
  for (const directory of new Bun.Glob(`**/jobs/${jobId}/process`).scanSync({
    cwd: stateDirectory,
    dot: true,
  })) {
    const file = path.join(stateDirectory, directory);
    if (!existsSync(file)) continue;
    const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid?: number };
    try {
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
