import { expect, test } from "bun:test";
import { createServer } from "node:https";
import { createJobSpool, jobEvents, jobRequest, silentLogger } from "signalman/testing";
import { createLogPush, type LogPushOptions } from "./push.ts";

test("a log server with a private certificate is trusted only when the job's delivery contains that certificate", async () => {
  const bodies: string[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    request.setEncoding("utf8");
    let body = "";
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const url = `https://127.0.0.1:${port}/api/v1/logs/x`;

  const push = async (ca: readonly string[] | undefined, signal: AbortSignal) => {
    await using spool = await createJobSpool(jobEvents(["hello"]));
    spool.close();
    await using backend = createLogPush(
      {
        job: jobRequest({ logger: { method: "push", url, token: "t", maxSizeInBytes: 0 } }),
        logger: silentLogger,
        spool: spool.reader(),
        openReader: () => spool.reader(),
        saveCursor: () => {},
        refreshToken: () => Promise.reject(new Error("none")),
        ...(ca && { ca }),
      },
      options,
    );
    return backend.run(signal);
  };
  expect((await push(undefined, AbortSignal.timeout(300))).undelivered).toBeGreaterThan(0);
  expect(bodies).toEqual([]);
  expect(await push([certificate], AbortSignal.timeout(5000))).toEqual({ trimmed: false, undelivered: 0 });
  expect(bodies.join("")).toContain('"output":"hello');
  server.close();
});

const options: LogPushOptions = {
  userAgent: "SemaphoreAgent/test",
  maxEvents: 2000,
  maxBytes: 65_536,
  intervalMs: 10,
  timeoutMs: 2000,
  retryDelayMs: 20,
  retryDelayMaxMs: 50,
};

/** A certificate for 127.0.0.1, generated for this test only. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBpjCCAUugAwIBAgIUV1WyCbC2r+osU+EEmSw/4atbKqYwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOc2lnbmFsbWFuIHRlc3QwIBcNMjYxMTI0MTMwNTQwWhgPMjEy
NjEwMzExMzA1NDBaMBkxFzAVBgNVBAMMDnNpZ25hbG1hbiB0ZXN0MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAElBbjaTQuDaJLBABmuSRbFh622k8of6Dv6YwHuZeD
dV9yzmRTsBh28HCAfbNm2mFeGnz2b9xCOgEtVglOpB6Tj6NvMG0wHQYDVR0OBBYE
FJ6K+CWU0w4zgH98UBw1/P0kBGfVMB8GA1UdIwQYMBaAFJ6K+CWU0w4zgH98UBw1
/P0kBGfVMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMAoGCCqGSM49BAMCA0kAMEYCIQD80VhdjMRF9fTy5yDSn8AvuTOITEn7hiYz
+8MOfZzv+QIhANR7SbndB1z7rj+I7JlwC59MhwurMVZo9QQtsXGb6Dpi
-----END CERTIFICATE-----
`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggEBBsYHYR1dgKDJC
16EFWCqDO1iAsWtOdtDmrLN2zZGhRANCAASUFuNpNC4NoksEAGa5JFsWHrbaTyh/
oO/pjAe5l4N1X3LOZFOwGHbwcIB9s2baYV4afPZv3EI6AS1WCU6kHpOP
-----END PRIVATE KEY-----
`;
