import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { faultOf, openStoredScene, textsOf, type Scene } from "../testing/scene.ts";

describe("a client", () => {
  /** Sends the head of a signed put, and leaves its body to the caller. */
  const beginPut = async (at: Scene, length: number): Promise<Socket> => {
    const { id, secret } = at.issue();
    const aws = new AwsClient({ accessKeyId: id, secretAccessKey: secret, service: "s3", region: "auto" });
    const request = await aws.sign(`${at.server.url}/cache/held-1/a`, { method: "PUT" });
    const headers = Array.from(request.headers, ([key, value]) => `${key}: ${value}\r\n`).join("");
    const socket = connect(at.server.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `PUT /cache/held-1/a HTTP/1.1\r\nHost: 127.0.0.1:${at.server.port}\r\n${headers}Content-Length: ${length}\r\n\r\n`,
    );
    return socket;
  };
  const contents = (at: Scene) => readdirSync(join(at.root, "contents")).length;
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await Bun.sleep(10);
  };

  test("that goes away in the middle of a body leaves the object before, and no file", async () => {
    await using at = await openStoredScene();
    const socket = await beginPut(at, 1_000_000);
    socket.write(Buffer.alloc(600_000));
    await until(() => contents(at) === 2);
    socket.destroy();
    await until(() => contents(at) === 1);
    expect(await at.content()).toBe("before");
  });

  test("that announces 10 GB is refused before it sends them; 200 MB are not reserved", async () => {
    await using at = await openStoredScene();
    const refused = await beginPut(at, 10_000_000_000);
    const [answer] = await once(refused, "data");
    expect(String(answer)).toContain("<Code>EntityTooLarge</Code>");
    refused.destroy();
    const others = await Promise.all(Array.from({ length: 20 }, () => beginPut(at, 200_000_000)));
    for (const socket of others) socket.write("x");
    expect(await faultOf(at.client()("PUT", "/held-1/b", { body: "y".repeat(1_000_000) }))).toBe("200");
    expect(await at.content()).toBe("before");
    for (const socket of others) socket.destroy();
  });

  test("that sends too slowly is disconnected", async () => {
    await using at = await openStoredScene({ limits: { requestMs: 300 } });
    const socket = await beginPut(at, 1_000_000);
    const trickle = setInterval(() => socket.write("x"), 20);
    await once(socket, "close");
    clearInterval(trickle);
    await until(() => contents(at) === 1);
    expect(await at.content()).toBe("before");
  });

  test("finds the cache while another one holds a thousand connections", async () => {
    await using at = await openStoredScene();
    const held = Array.from({ length: 1000 }, () => {
      const socket = connect(at.server.port, "127.0.0.1");
      socket.on("error", () => {});
      return socket;
    });
    for (let n = 0; n < 10; n++) expect(await at.content()).toBe("before");
    for (const socket of held) socket.destroy();
  });

  test("has a limit of requests at a time, which no other job feels", async () => {
    await using at = await openStoredScene();
    const held = await Promise.all(Array.from({ length: 64 }, () => beginPut(at, 1_000_000)));
    await until(() => contents(at) === 65);
    expect(await faultOf(at.client()("GET", "/held-1/a"))).toBe("503 SlowDown");
    expect(await faultOf(at.client({ job: "job-2" })("GET", "/held-1/a"))).toBe("200");
    for (const socket of held) socket.destroy();
    await until(() => contents(at) === 1);
    expect(await at.content()).toBe("before");
  });

  test.each(["/cache/%ff", "/cache/%", "/%zz"])("that sends the path %s is refused", async (path) => {
    await using at = await openStoredScene();
    expect(await faultOf(fetch(at.server.url + path))).toBe("400 InvalidURI");
    expect(at.logger.entries).toEqual([]);
  });

  test("that learns of a fault sees no path of this host", async () => {
    await using at = await openStoredScene();
    Bun.spawnSync(["rm", "-r", join(at.root, "contents")]);
    const answer = await at.client()("PUT", "/held-1/b", { body: "x" });
    const text = await answer.text();
    expect([answer.status, textsOf(text, "Code"), text.includes(at.root)]).toEqual([
      500,
      ["InternalError"],
      false,
    ]);
    expect(at.logger.entries.some(({ level }) => level === "error")).toBe(true);
  });
});

function once(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => socket.once(event, (...args: unknown[]) => resolve(args)));
}
