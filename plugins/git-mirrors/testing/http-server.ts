import { gunzipSync } from "node:zlib";
import { answerLfs, type LfsObjects } from "./lfs-server.ts";

/** A git server over http, which asks for a name and a password. */
export interface HttpOrigin extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or that of `host`. */
  readonly url: string;
  readonly requests: readonly { readonly method: string; readonly path: string; readonly bytes: number }[];
  /** What is answered instead, for hostile or broken origins. */
  fault: ((path: string) => Response | Promise<Response | undefined> | undefined) | undefined;
  /** Whether an answer of so many bytes stops in the middle, or ends there. */
  cut: ((path: string, bytes: number) => "stop" | "end" | undefined) | undefined;
}

export interface HttpOriginOptions {
  /** The directory of the repositories. */
  readonly root: string;
  /** `user:password`; left out: everybody may read and write. */
  readonly login?: string;
  /** Address to listen at. Default: loopback, which is `localhost` with `tls`. */
  readonly host?: string;
  /** The large files of git-lfs. Left out: the server has none. */
  readonly lfs?: LfsObjects;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export function startHttpOrigin({ root, login, host, lfs, tls }: HttpOriginOptions): HttpOrigin {
  const requests: { method: string; path: string; bytes: number }[] = [];
  const origin = { fault: undefined as HttpOrigin["fault"], cut: undefined as HttpOrigin["cut"] };
  const expected = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
  const server = Bun.serve({
    hostname: host ?? "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    ...(tls && { tls }),
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const entry = { method: request.method, path: `${pathname}${search}`, bytes: 0 };
      requests.push(entry);
      if (expected !== undefined && request.headers.get("authorization") !== expected)
        return new Response("who are you?", {
          status: 401,
          headers: { "www-authenticate": 'Basic realm="git"' },
        });
      const fault = await origin.fault?.(entry.path);
      if (fault !== undefined) return fault;
      const large = lfs && (await answerLfs(lfs, request));
      if (large !== undefined) {
        entry.bytes = (await large.clone().arrayBuffer()).byteLength;
        return large;
      }
      let body = Buffer.from(await request.arrayBuffer());
      if (request.headers.get("content-encoding") === "gzip") body = gunzipSync(body);
      const answer = await callBackend(root, request, { pathname, query: search.slice(1), body });
      entry.bytes = answer.body.length;
      const cut = origin.cut?.(entry.path, answer.body.length);
      if (cut !== undefined) return new Response(toHalf(answer.body, cut), { headers: answer.headers });
      return new Response(new Uint8Array(answer.body), { status: answer.status, headers: answer.headers });
    },
  });
  return Object.assign(origin, {
    url: `${tls ? "https" : "http"}://${host ?? (tls ? "localhost" : "127.0.0.1")}:${server.port}`,
    requests,
    [Symbol.asyncDispose]: async () => server.stop(true),
  });
}

function toHalf(body: Buffer, cut: "stop" | "end"): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(new Uint8Array(body.subarray(0, body.length / 2)));
      // The half is sent first.
      await Bun.sleep(100);
      if (cut === "end") controller.close();
    },
  });
}

/** Runs `git http-backend`, a CGI program. */
async function callBackend(
  root: string,
  request: Request,
  { pathname, query, body }: { pathname: string; query: string; body: Buffer },
): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  const backend = Bun.spawn(["git", "http-backend"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_NOSYSTEM: "1",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      REMOTE_USER: "tester",
      REMOTE_ADDR: "127.0.0.1",
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      CONTENT_LENGTH: `${body.length}`,
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
    },
    stdin: body,
    stdout: "pipe",
    stderr: "ignore",
  });
  const output = Buffer.from(await new Response(backend.stdout).arrayBuffer());
  const end = output.indexOf("\r\n\r\n");
  const lines = output.toString("latin1", 0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(":")[0]!.toLowerCase(), line.replace(/^[^:]*:\s*/, "")]),
  );
  const { status: text, ...rest } = headers as Record<string, string>;
  return { status: Number(text?.slice(0, 3) ?? 200), headers: rest, body: output.subarray(end + 4) };
}
