import { expect, test } from "bun:test";
import { logBackend } from "signalman";
import { testLogBackend, testPlugin, toEvents } from "signalman/testing";
import plugin, { openGzipLog } from "./gzip-logs.ts";

/** A server that keeps objects by their path. */
function openServer() {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  let failures = 0;
  let isFull = false;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = new Uint8Array(await request.arrayBuffer());
      if (isFull) return new Response("", { status: 413 });
      if (failures > 0) return new Response("", { status: (failures -= 1) % 2 === 0 ? 500 : 503 });
      objects.set(new URL(request.url).pathname, body);
      return new Response("");
    },
  });
  const eventOf = (path: string) => Number(/(\d+)\.gz$/.exec(path)![1]);
  return {
    url: `http://127.0.0.1:${server.port}/logs`,
    text: () =>
      [...objects]
        .toSorted(([a], [b]) => eventOf(a) - eventOf(b))
        .map(([, body]) => new TextDecoder().decode(Bun.gunzipSync(body)))
        .join(""),
    fail: (times: number) => void (failures = times),
    refuse: () => void (isFull = true),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

testLogBackend({
  name: "gzip",
  create() {
    const server = openServer();
    return {
      ...server,
      open: (context) => openGzipLog(server.url, context),
      received: () => toEvents(server.text()),
    };
  },
});

test("it is the log method gzip, and needs a URL", async () => {
  await using t = await testPlugin(plugin, { config: { url: "http://127.0.0.1:1" } });
  expect(t.use(logBackend, "gzip")).toBeDefined();
  await expect(testPlugin(plugin, { config: { url: "nowhere" } })).rejects.toThrow("url");
});
