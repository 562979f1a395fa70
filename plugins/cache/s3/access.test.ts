import { describe, expect, test } from "bun:test";
import { AwsClient } from "aws4fetch";
import { faultOf, openStoredScene, textsOf, type Scene } from "../testing/scene.ts";
import { createSigningKey, signRequest } from "./canonical-request.ts";

/** Signs a request with this project's code, for what the library cannot do. */
function sign(at: Scene, options: { region?: string; time?: string; headers?: Record<string, string> } = {}) {
  const { region = "", time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "") } = options;
  const { id, secret } = at.issue();
  const payload = "UNSIGNED-PAYLOAD";
  const scope = { date: time.slice(0, 8), region };
  const headers: Record<string, string> = {
    host: `127.0.0.1:${at.server.port}`,
    "x-amz-content-sha256": payload,
    "x-amz-date": time,
  };
  const names = Object.keys(headers);
  const signature = signRequest(createSigningKey(secret, scope), {
    method: "GET",
    path: "/cache/held-1/a",
    queryText: "",
    header: (each) => headers[each] ?? "",
    headers: names,
    time,
    scope,
    payload,
  });
  const authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope.date}/${region}/s3/aws4_request, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return fetch(`${at.server.url}/cache/held-1/a`, {
    headers: { ...headers, authorization, ...options.headers },
  });
}

describe("a signature", () => {
  test.each(["", "auto", "us-east-1", "mars-1"])("of the region %j is accepted", async (region) => {
    await using at = await openStoredScene();
    expect((await sign(at, { region })).status).toBe(200);
  });

  test.each([
    [-16, "403 RequestTimeTooSkewed"],
    [-14, "200"],
    [14, "200"],
    [16, "403 RequestTimeTooSkewed"],
  ])("of %d minutes from now is answered with %s", async (minutes, code) => {
    await using at = await openStoredScene();
    const time = new Date(Date.now() + minutes * 60_000).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    expect(await faultOf(sign(at, { time }))).toBe(code);
  });

  test.each([
    ["that is missing", {}, "403 AccessDenied"],
    ["of version 2", { authorization: "AWS a:b" }, "400 InvalidArgument"],
    [
      "without a scope",
      { authorization: "AWS4-HMAC-SHA256 Credential=a" },
      "400 AuthorizationHeaderMalformed",
    ],
    ["that is empty", { authorization: "AWS4-HMAC-SHA256" }, "400 InvalidArgument"],
  ])("%s is refused", async (_, headers, code) => {
    await using at = await openStoredScene();
    const answer = await fetch(`${at.server.url}/cache/held-1/a`, {
      headers: headers as Record<string, string>,
    });
    expect(await faultOf(answer)).toBe(code);
  });

  test("does not cover a header that was added", async () => {
    await using at = await openStoredScene();
    expect(await faultOf(sign(at, { headers: { "x-amz-checksum-mode": "ENABLED" } }))).toBe(
      "403 AccessDenied",
    );
    expect(await faultOf(sign(at, { headers: { "x-amz-content-sha256": "0".repeat(64) } }))).toBe(
      "403 SignatureDoesNotMatch",
    );
  });

  test("with a security token is refused", async () => {
    await using at = await openStoredScene();
    const send = at.client();
    const headers = { "x-amz-security-token": "x" };
    expect(await faultOf(send("GET", "/held-1/a", { headers }))).toBe("400 InvalidToken");
  });
});

describe("an access key", () => {
  test.each([
    ["of another secret", (id: string) => ({ id, secret: "wrong" }), "403 SignatureDoesNotMatch"],
    ["that was made up", () => ({ id: "AKIAIOSFODNN7EXAMPLE", secret: "x" }), "403 InvalidAccessKeyId"],
    [
      "whose project was changed",
      (id: string, secret: string) => {
        const bytes = Buffer.from(id, "base64url");
        bytes[bytes.indexOf("held-1") + 5] = 0x32;
        return { id: bytes.toString("base64url"), secret };
      },
      "403 InvalidAccessKeyId",
    ],
  ])("%s is refused", async (_, change, code) => {
    await using at = await openStoredScene();
    const own = at.issue();
    const { id, secret } = change(own.id, own.secret);
    const aws = new AwsClient({
      accessKeyId: id,
      secretAccessKey: secret,
      service: "s3",
      region: "a",
      retries: 0,
    });
    expect(await faultOf(aws.fetch(`${at.server.url}/cache/held-1/a`))).toBe(code);
  });

  test("ends with its job, and that of another job of the project does not", async () => {
    await using at = await openStoredScene();
    at.end("job-1");
    expect(await faultOf(at.client()("GET", "/held-1/a"))).toBe("403 InvalidAccessKeyId");
    expect(await faultOf(at.client({ job: "job-2" })("GET", "/held-1/a"))).toBe("200");
  });

  test.each([
    ["GET", "/held-1/a"],
    ["HEAD", "/held-1/a"],
    ["PUT", "/held-1/a"],
    ["DELETE", "/held-1/a"],
    ["POST", "/held-1/a?uploads"],
    ["GET", "/held-10/../held-1/a"],
    ["GET", "/held-10%2F..%2F..%2Fheld-1/a"],
    ["GET", "/held-1"],
    ["GET", "//held-1/a"],
  ])("of held-10 does not reach %s %s", async (method, path) => {
    await using at = await openStoredScene();
    const body = method === "PUT" ? "changed" : undefined;
    const answer = await at.client({ project: "held-10" })(method, path, { body });
    // The dots in the name of an own object mean nothing.
    const isOwn = path.includes("%2F");
    expect([answer.status, await at.content()]).toEqual([isOwn ? 404 : 403, "before"]);
  });

  test.each([
    ["PUT", "/held-1/a"],
    ["DELETE", "/held-1/a"],
    ["POST", "/held-1/a?uploads"],
    ["POST", "?delete"],
    ["PUT", "/held-1/a?partNumber=1&uploadId=x"],
    ["POST", "/held-1/a?uploadId=x"],
  ])("that can only read is refused %s %s", async (method, path) => {
    await using at = await openStoredScene();
    const send = at.client({ canWrite: false });
    expect(await faultOf(send(method, path, { body: "changed" }))).toBe("403 AccessDenied");
    expect(await at.content()).toBe("before");
    expect(textsOf(await (await send("GET", "?prefix=held-1")).text(), "Key")).toEqual(["held-1/a"]);
  });

  test("reaches one bucket", async () => {
    await using at = await openStoredScene();
    const { id, secret } = at.issue();
    const aws = new AwsClient({
      accessKeyId: id,
      secretAccessKey: secret,
      service: "s3",
      region: "a",
      retries: 0,
    });
    expect(await faultOf(aws.fetch(`${at.server.url}/other/held-1/a`))).toBe("404 NoSuchBucket");
    expect(await faultOf(aws.fetch(`${at.server.url}/`))).toBe("501 NotImplemented");
    expect((await aws.fetch(`${at.server.url}/cache`, { method: "HEAD" })).status).toBe(200);
  });
});
