import { createHmac } from "node:crypto";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { JobRequest, PullLogs } from "signalman";
import { silentLogger, tmpdir } from "signalman/testing";
import type { HostedAgent } from "../http/hosted-agent.ts";
import { createHostedApi } from "../http/hosted-api.ts";
import { defaultLimits, type Limits, openApiServer } from "../http/server.ts";
import type { HostedJob } from "../job/hosted-job.ts";
import { createCertificate } from "./certificate.ts";

export const secret = "a-secret";
/** Maximum size of an answer with the agent's log. */
export const agentLogBytes = 2 * 1024 * 1024;
const certificate = createCertificate();

/** The API of an agent that runs no jobs: it records what it is asked for. */
export interface ApiScene extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly agentLog: string;
  readonly submitted: readonly JobRequest[];
  readonly calls: { stops: number; archived: number };
  /** Lines of the current job's log. */
  lines: string[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /**
   * Opens a TLS connection, writes the text and resolves to all that is answered until the server closes the
   * connection.
   */
  send(text: string | Uint8Array): Promise<string>;
  connect(options?: ConnectionOptions): Promise<TLSSocket>;
}

export async function createApiScene(limits: Partial<Limits> = {}): Promise<ApiScene> {
  const directory = await tmpdir();
  const agentLog = `${directory.path}/agent_log`;
  const submitted: JobRequest[] = [];
  const calls = { stops: 0, archived: 0 };
  const all = { ...defaultLimits, ...limits };
  let job: HostedJob | undefined;
  const logs: PullLogs = {
    *read(_jobId, startFrom) {
      for (const line of scene.lines.slice(startFrom)) yield new TextEncoder().encode(line);
    },
    archive: () => {},
  };
  const agent: HostedAgent = {
    logs,
    get job() {
      return job;
    },
    async submit(request) {
      submitted.push(request);
      if (job !== undefined) return job.id === request.id ? "same" : "other";
      job = createFakeJob(request.id, calls);
      return "started";
    },
  };
  const api = createHostedApi({
    agent,
    version: "1.2.3",
    secret,
    agentLog: { path: agentLog, maxBytes: agentLogBytes },
    logger: silentLogger,
  });
  const server = await openApiServer(
    { host: "127.0.0.1", port: 0, certificate, limits: all, logger: silentLogger },
    api,
  );
  const { port } = server;
  const open = (options?: ConnectionOptions) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ ...options, host: "127.0.0.1", port, ca: certificate.cert }, () =>
        resolve(socket),
      );
      socket.once("error", reject);
      socket.on("error", () => {});
    });

  const scene: ApiScene = {
    url: server.url,
    port,
    agentLog,
    submitted,
    calls,
    lines: [],
    fetch: (path, init = {}) =>
      fetch(`${server.url}${path}`, {
        ...init,
        headers: { Authorization: `Bearer ${sign()}`, ...(init.headers as Record<string, string>) },
        redirect: "manual",
        tls: { ca: certificate.cert },
      }),
    async send(text) {
      const socket = await open();
      let answer = "";
      socket.on("data", (bytes: Buffer) => (answer += bytes.toString("latin1")));
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(text);
      await closed;
      return answer;
    },
    connect: open,
    async [Symbol.asyncDispose]() {
      await server.close();
      await directory[Symbol.asyncDispose]();
    },
  };
  return scene;
}

export function sign(claims: object = {}, header: object = { alg: "HS256" }, key = secret): string {
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const { alg = "" } = header as { alg?: string };
  return `${text}.${createHmac(`sha${alg.slice(2) || "256"}`, key)
    .update(text)
    .digest("base64url")}`;
}

function createFakeJob(id: string, calls: { stops: number; archived: number }): HostedJob {
  return {
    id,
    started: Promise.resolve(),
    finished: Promise.resolve(),
    isAnnounced: true,
    announced: async () => {},
    stop: () => void (calls.stops += 1),
    archived: () => void (calls.archived += 1),
  };
}
