// The API of hosted mode over the log of one job, in a process of its own: `bun bench/serve-process.ts
// <events>`.
import { createJobSpool, jobEvents, jobRequest, silentLogger } from "../src/testing/index.ts";
import { openPullBackend, type PullLog } from "../plugins/log-pull/pull-log.ts";
import { createHostedApi } from "../plugins/serve/http/hosted-api.ts";
import { defaultLimits, openApiServer } from "../plugins/serve/http/server.ts";
import { createCertificate } from "../plugins/serve/testing/certificate.ts";

const events = Number(process.argv[2]);
const lines = Array.from({ length: events - 4 }, (_, index) => `line ${index} of a job that prints a lot`);
await using spool = await createJobSpool(jobEvents(lines));
spool.close();
let log: PullLog | undefined;
const context = {
  job: jobRequest({ id: "bench" }),
  logger: silentLogger,
  spool: spool.reader(),
  openReader: () => spool.reader(),
  saveCursor: () => {},
  refreshToken: async () => "",
};
const backend = openPullBackend(context, (opened) => (log = opened));
void backend.run(new AbortController().signal);
const job = {
  id: "bench",
  started: Promise.resolve(),
  finished: Promise.resolve(),
  isAnnounced: true,
  announced: async () => {},
  stop: () => {},
  archived: () => {},
};
const logs = { read: (_jobId: string, startFrom: number) => log?.read(startFrom), archive: () => {} };
const agent = { job, logs, submit: async () => "other" as const };
const certificate = createCertificate();
const api = createHostedApi({
  agent,
  version: "0",
  secret: "secret",
  agentLog: { path: "/nowhere", maxBytes: 1024 ** 2 },
  logger: silentLogger,
});
const server = await openApiServer(
  { host: "127.0.0.1", port: 0, certificate, limits: defaultLimits, logger: silentLogger },
  api,
);
Bun.gc(true);
console.log(JSON.stringify({ url: server.url, ca: certificate.cert }));
await new Promise((resolve) => process.once("SIGTERM", resolve));
await server.close();
