import { describe, expect, test } from "bun:test";
import { type AwsDoubleOptions, ecrKeys, startAws } from "./aws-double.ts";
import { decodePullCredentials } from "../../../src/kit/registry-login/decode.ts";
import { getEcrLogin } from "../../../src/kit/registry-login/ecr.ts";

const registry = "210987654321.dkr.ecr.eu-test-1.amazonaws.com";
const double = { password: "a-password", registry };

function decode(values: Readonly<Record<string, string>>) {
  const entry = { DOCKER_CREDENTIAL_TYPE: "AWS_ECR", AWS_REGION: "eu-test-1", ...values };
  const env = Object.entries(entry).map(([name, value]) => ({
    name,
    value: Buffer.from(value).toString("base64"),
  }));
  const credentials = decodePullCredentials({ env, files: [] });
  if (credentials.kind !== "AWS_ECR") throw new Error(`unexpected kind ${credentials.kind}`);
  return credentials;
}

async function logIn(values: Readonly<Record<string, string>>, options: AwsDoubleOptions = double) {
  await using aws = startAws(options);
  const { signal } = new AbortController();
  const attempt = await getEcrLogin(decode(values), { environment: aws.env, signal }).then(
    (login) => ({ login, message: "" }),
    (error: Error) => ({ login: undefined, message: error.message }),
  );
  return { ...attempt, requests: aws.requests };
}

describe("a login at ECR", () => {
  test("is that of the keys' account, with a signature that verifies", async () => {
    const { login, requests } = await logIn({ ...ecrKeys, AWS_SESSION_TOKEN: "session/token+==" });
    expect(login?.login).toEqual({ server: registry, username: "AWS", password: "a-password" });
    expect(requests).toEqual([
      {
        call: "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        fault: undefined,
        sessionToken: "session/token+==",
      },
    ]);
  });

  test.each([
    ["eu-test-1", "123456789012.dkr.ecr.eu-test-1.amazonaws.com"],
    ["cn-test-1", "123456789012.dkr.ecr.cn-test-1.amazonaws.com.cn"],
  ])("is that of the account that the entry names, in %s", async (region, server) => {
    const entry = { ...ecrKeys, AWS_REGION: region, AWS_ACCOUNT_ID: "123456789012" };
    const { login } = await logIn(entry, { ...double, region });
    expect(login?.login.server).toBe(server);
    expect(login?.commandLine).toEndWith(server.replace(region, "$AWS_REGION"));
  });

  test("without keys uses the role of the agent's instance", async () => {
    const { login, requests } = await logIn({}, { ...double, hasRole: true });
    expect(login?.login.password).toBe("a-password");
    expect(requests.map(({ call }) => call)).toEqual([
      "PUT /latest/api/token",
      "GET /latest/meta-data/iam/security-credentials/",
      "GET /latest/meta-data/iam/security-credentials/the-role",
      "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    ]);
    expect(requests.filter(({ fault }) => fault !== undefined)).toEqual([]);
  });

  test("without keys and without a role fails with a remedy", async () => {
    const { message } = await logIn({});
    expect(message).toStartWith(
      "AWS_ACCESS_KEY_ID is not set, and reading the keys of the instance's role from",
    );
    expect(message).toContain("HTTP 404");
    expect(message).toContain("or give the agent's instance a role");
  });

  test("without keys fails after an endless answer", async () => {
    await using endpoint = serveFlood();
    const attempt = getEcrLogin(decode({}), {
      environment: { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint.url },
      signal: new AbortController().signal,
    });
    expect(await attempt.catch((error: Error) => error.message)).toContain("the answer is too long");
    await endpoint.closed;
  });

  test("that is refused names the reason, and no session token", async () => {
    const { message, requests } = await logIn({
      AWS_ACCESS_KEY_ID: "key",
      AWS_SECRET_ACCESS_KEY: "wrong",
      AWS_SESSION_TOKEN: "session-token",
    });
    expect(message).toContain("HTTP 400 (InvalidSignatureException: The request signature does not match");
    expect(message).not.toContain("session-token");
    expect(requests).toHaveLength(1);
  });

  test("is tried again after a temporary fault", async () => {
    const faults = [
      () => new Response("", { status: 503 }),
      () => Response.json({ __type: "ThrottlingException" }, { status: 400 }),
    ];
    const { login, requests } = await logIn(ecrKeys, { ...double, faults });
    expect(login?.login.password).toBe("a-password");
    expect(requests).toHaveLength(3);
  });

  test.each([
    ["no token", () => Response.json({ authorizationData: [{}] }), "without an authorization token"],
    ["an endless list", () => new Response("[".repeat(60_000)), "without an authorization token"],
    ["another address", () => Response.redirect("http://127.0.0.1:1/"), "HTTP 302"],
  ])("fails after an answer with %s", async (_, answer, reason) => {
    const { message } = await logIn(ecrKeys, { ...double, faults: [answer] });
    expect(message).toContain(reason);
  });
});

describe("an entry for ECR", () => {
  test.each([
    [{ AWS_REGION: "x.evil.example/" }, "AWS_REGION is not valid (expected a region, such as eu-west-1)"],
    [{ AWS_REGION: "" }, "AWS_REGION not set"],
    [{ AWS_ACCOUNT_ID: "evil.example/" }, "AWS_ACCOUNT_ID is not valid (expected 12 digits)"],
    [{ AWS_ACCESS_KEY_ID: "key" }, "AWS_SECRET_ACCESS_KEY not set"],
    [{ AWS_SECRET_ACCESS_KEY: "secret" }, "AWS_ACCESS_KEY_ID not set"],
  ])("is refused with %p", (values, reason) => {
    expect(() => decode(values)).toThrow(`Failed to determine docker login command: ${reason}`);
  });
});

/** An endpoint that answers without end. `closed` resolves when its client has closed the connection. */
function serveFlood() {
  const closed = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(Buffer.alloc(1024, "x")),
          cancel: () => closed.resolve(),
        }),
      ),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    closed: closed.promise,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
