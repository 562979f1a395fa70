import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { check, type CheckContext, type Finding, type v } from "signalman";
import { type TemporaryDirectory, testPlugin, tmpdir } from "signalman/testing";
import semaphore from "../index.ts";
import { titles, toContext, token } from "../testing/check-context.ts";

describe("the control plane", () => {
  test("that knows the token gets one request and no registration", async () => {
    await using server = await openServer();
    const findings = await server.check();
    expect(titles(findings, "ok")).toEqual([
      `"127.0.0.1:${server.port}" accepts the registration token`,
      "the clock matches the control plane's clock",
    ]);
    expect(server.calls).toEqual([`GET /api/v1/self_hosted_agents/metrics Token ${token}`]);
  });

  test.each([
    [404, "error", "does not know the registration token"],
    [401, "error", "does not know the organization"],
    [503, "warning", "answers with status 503"],
  ] as const)("that answers with %d is reported without showing the token", async (status, level, text) => {
    await using server = await openServer({ status });
    const findings = await server.check();
    expect(titles(findings, level)).toEqual([expect.stringContaining(text)]);
    expect(JSON.stringify(findings)).not.toContain(token);
  });

  test.each([
    [-90, "warning", "is 90 s ahead of"],
    [90, "warning", "is 90 s behind"],
    [600, "error", "is 600 s behind"],
  ] as const)("whose clock differs by %d s is reported", async (seconds, level, text) => {
    await using server = await openServer({ seconds });
    const [title = ""] = titles(await server.check(), level);
    expect(title.replace(/\d+/, (digits) => String(Math.round(Number(digits) / 10) * 10))).toContain(text);
  });

  test("at a closed port or with an unknown host name is an error", async () => {
    const server = await openServer();
    await server[Symbol.asyncDispose]();
    expect(titles(await server.check(), "error")).toEqual([expect.stringContaining("refuses connections")]);
    const unknown = await checkConnection({ endpoint: "agents.invalid", token });
    expect(titles(unknown, "error")).toEqual(['host name "agents.invalid" cannot be resolved']);
  });

  test("without TLS is an error that names no-https", async () => {
    await using server = await openServer();
    const [finding] = await server.check({ "no-https": false });
    expect(finding).toMatchObject({
      level: "error",
      title: expect.stringContaining("accepts connections, but not TLS"),
      remedy: expect.stringContaining("--no-https"),
    });
  });

  test("that never answers is an error after the time-out", async () => {
    await using server = await openServer({ isSilent: true });
    const [finding] = await server.check({}, AbortSignal.timeout(300));
    expect(finding).toMatchObject({ level: "error", detail: "no answer within the time-out" });
  });

  test("behind a proxy is not resolved locally, and the proxy's password is not shown", async () => {
    await using server = await openServer();
    const env = { http_proxy: `http://user:pa55word@127.0.0.1:${server.port}` };
    const findings = await checkConnection({ endpoint: "agents.invalid", token, "no-https": true }, { env });
    expect(titles(findings, "ok")[0]).toContain(`the proxy "http://…@127.0.0.1:${server.port}" (http_proxy)`);
    expect(JSON.stringify(findings)).not.toContain("pa55word");
    const excepted = await checkConnection(
      { endpoint: "agents.invalid", token, "no-https": true },
      { env: { ...env, NO_PROXY: "other.test, .invalid" } },
    );
    expect(titles(excepted, "error")).toEqual(['host name "agents.invalid" cannot be resolved']);
  });
});

describe("a certificate", () => {
  test("from an unknown authority is an error, unless ca-file contains it", async () => {
    await using directory = await tmpdir();
    const certificate = await makeCertificate(directory, 100);
    await using server = await openServer({ certificate });
    const untrusted = await server.check({ "no-https": false });
    expect(titles(untrusted, "error")).toEqual([expect.stringContaining("is not trusted")]);
    expect(server.calls).toEqual([]);
    const trusted = await server.check({ "no-https": false, "ca-file": certificate.cert });
    expect(titles(trusted, "ok")[0]).toContain("is trusted; valid until");
    expect(titles(trusted, "ok")[1]).toContain("accepts the registration token");
  });

  test("that expires within two weeks is a warning, and an expired one is an error", async () => {
    await using directory = await tmpdir();
    for (const [days, level, text] of [
      [3, "warning", "expires soon"],
      [-1, "error", "has expired"],
    ] as const) {
      const certificate = await makeCertificate(directory, days);
      await using server = await openServer({ certificate });
      const findings = await server.check({ "no-https": false, "ca-file": certificate.cert });
      expect(titles(findings, level)[0]).toContain(text);
    }
  });
});

type Options = v.InferInput<NonNullable<typeof semaphore.config>>;

async function checkConnection(
  config: Options,
  more: Partial<Pick<CheckContext, "env" | "signal">> = {},
): Promise<readonly Finding[]> {
  await using plugin = await testPlugin(semaphore, { config });
  return plugin.use(check, "semaphore-contact").run(toContext({}, more));
}

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Starts a control plane double on a port of this host. */
async function openServer(
  options: {
    readonly status?: number;
    readonly seconds?: number;
    readonly isSilent?: boolean;
    readonly certificate?: Certificate;
  } = {},
) {
  const { status = 200, seconds = 0, isSilent = false, certificate } = options;
  const calls: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...(certificate && { tls: { key: Bun.file(certificate.key), cert: Bun.file(certificate.cert) } }),
    fetch(request) {
      calls.push(
        `${request.method} ${new URL(request.url).pathname} ${request.headers.get("authorization")}`,
      );
      if (isSilent) return new Promise<Response>(() => {});
      const date = new Date(Date.now() + seconds * 1000).toUTCString();
      return new Response("{}", { status, headers: { date } });
    },
  });
  const { port } = server;
  return {
    calls,
    port,
    check: (config: Options = {}, signal?: AbortSignal) =>
      checkConnection(
        { endpoint: `127.0.0.1:${port}`, "no-https": true, token, ...config },
        { ...(signal && { signal }) },
      ),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** Creates a self-signed certificate for 127.0.0.1 that is valid for this number of days. */
async function makeCertificate({ path }: TemporaryDirectory, days: number): Promise<Certificate> {
  const [key, cert] = [join(path, `${days}.key`), join(path, `${days}.pem`)];
  const request = join(path, `${days}.csr`);
  const extensions = join(path, "extensions");
  await writeFile(extensions, "subjectAltName=IP:127.0.0.1\n");
  const openssl = (...args: string[]) => {
    const { success, stderr } = Bun.spawnSync(["openssl", ...args], { stderr: "pipe" });
    if (!success) throw new Error(stderr.toString());
  };
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=test");
  const files = ["-in", request, "-signkey", key, "-out", cert, "-extfile", extensions];
  openssl("x509", "-req", ...files, "-days", String(days));
  return { key, cert };
}
