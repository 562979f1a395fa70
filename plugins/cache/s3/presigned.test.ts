import { describe, expect, test } from "bun:test";
import { AwsClient } from "aws4fetch";
import { faultOf, openStoredScene, type Scene } from "../testing/scene.ts";

describe("a presigned URL", () => {
  const presign = async (at: Scene, { method = "GET", seconds = 60, before = 0 } = {}) => {
    const { id, secret } = at.issue();
    const aws = new AwsClient({ accessKeyId: id, secretAccessKey: secret, service: "s3", region: "auto" });
    const datetime = new Date(Date.now() - before * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const url = `${at.server.url}/cache/held-1/a?X-Amz-Expires=${seconds}`;
    return (await aws.sign(url, { method, aws: { signQuery: true, datetime } })).url;
  };

  test("gets, and puts", async () => {
    await using at = await openStoredScene();
    expect(await (await fetch(await presign(at))).text()).toBe("before");
    const url = await presign(at, { method: "PUT" });
    expect(await faultOf(fetch(url, { method: "PUT", body: "after" }))).toBe("200");
    expect(await at.content()).toBe("after");
  });

  test.each([
    ["has expired", { before: 61 }, (url: string) => url, "403 AccessDenied"],
    ["is not valid yet", { before: -1000 }, (url: string) => url, "403 AccessDenied"],
    [
      "is valid for too long",
      { seconds: 604_801 },
      (url: string) => url,
      "400 AuthorizationQueryParametersError",
    ],
    ["has another path", {}, (url: string) => url.replace("/a?", "/b?"), "403 SignatureDoesNotMatch"],
    [
      "has a longer time",
      {},
      (url: string) => url.replace("Expires=60", "Expires=600"),
      "403 SignatureDoesNotMatch",
    ],
    ["has another parameter", {}, (url: string) => `${url}&partNumber=1`, "403 SignatureDoesNotMatch"],
  ])("that %s is refused", async (_, options, change, code) => {
    await using at = await openStoredScene();
    expect(await faultOf(fetch(change(await presign(at, options))))).toBe(code);
  });

  test("is for one method, and one set of headers", async () => {
    await using at = await openStoredScene();
    const url = await presign(at);
    expect(await faultOf(fetch(url, { method: "DELETE" }))).toBe("403 SignatureDoesNotMatch");
    expect(await faultOf(fetch(url, { headers: { "x-amz-checksum-mode": "ENABLED" } }))).toBe(
      "403 AccessDenied",
    );
    expect(await at.content()).toBe("before");
  });
});
