import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { refusal, startApiServer } from "../testing/api-server.ts";
import { watchEvents } from "../wait/event-watch.ts";
import { watchPod } from "../wait/pod-watch.ts";
import type { Pod } from "./objects.ts";
import { create, remove } from "./resources.ts";

const signal = new AbortController().signal;
const pod = (version: string, overrides: Partial<Pod["metadata"]> = {}): Pod => ({
  metadata: { name: "p", uid: "1", resourceVersion: version, ...overrides },
  spec: {},
});

describe("a call", () => {
  test("fails with the server's reason", async () => {
    await using api = startApiServer(() => refusal(403, "Forbidden", "pods is forbidden"));
    const error: unknown = await api.client.call("GET", "/x").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 403, reason: "Forbidden", message: "pods is forbidden" });
    expect(api.received).toHaveLength(1);
  });

  test("is retried after too many requests, a server error, and an incomplete response", async () => {
    await using api = startApiServer((_, count) => {
      if (count === 1) return refusal(429, "TooManyRequests", "later", { "Retry-After": "0" });
      if (count === 2) return refusal(503, "Unavailable", "later");
      if (count === 3) return new Response('{"a":', { headers: { "Content-Type": "application/json" } });
      return Response.json({ a: 1 });
    });
    expect(await api.client.call<{ a: number }>("GET", "/x")).toEqual({ a: 1 });
    expect(api.received).toHaveLength(4);
  });

  test("reads a gzip response, and refuses one that expands beyond the limit", async () => {
    const zip = (text: string) =>
      new Response(Bun.gzipSync(Buffer.from(text)), { headers: { "Content-Encoding": "gzip" } });
    await using api = startApiServer(({ path }) =>
      path === "/small" ? zip('{"a":1}') : zip(`"${"x".repeat(70 * 1024 * 1024)}"`),
    );
    expect(await api.client.call<unknown>("GET", "/small")).toEqual({ a: 1 });
    expect(api.client.call("GET", "/large")).rejects.toThrow(
      "the API server's response cannot be used: it is larger than 64.0 MiB",
    );
  });

  test("reads the first 64 KiB of an error", async () => {
    await using api = startApiServer(() => new Response("x".repeat(10_000_000), { status: 400 }));
    const error: unknown = await api.client.call("GET", "/x").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, message: "x".repeat(300) });
  });

  test("has a time-out for each attempt", async () => {
    await using api = startApiServer(
      (_, count) => (count === 1 ? new Promise<Response>(() => {}) : Response.json({ count })),
      { requestTimeoutMs: 50 },
    );
    expect(await api.client.call<{ count: number }>("GET", "/x")).toEqual({ count: 2 });
  });

  test("ends at once when its signal aborts", async () => {
    const controller = new AbortController();
    await using api = startApiServer(() => {
      controller.abort(new Error("stopped"));
      return refusal(500, "InternalError", "later");
    });
    expect(api.client.call("GET", "/x", { signal: controller.signal })).rejects.toThrow("stopped");
  });
});

describe("the creation of an object", () => {
  test("recognizes its object after a lost response", async () => {
    let created = "";
    await using api = startApiServer(({ method, body }, count) => {
      if (count === 1) created = body;
      if (count === 1) return refusal(500, "InternalError", "the answer was lost");
      if (method === "POST") return refusal(409, "AlreadyExists", "it exists");
      return new Response(created);
    });
    expect(await create(api.client, "pods", pod("1"), signal)).toMatchObject({ metadata: { name: "p" } });
    expect(api.received.map(({ method }) => method)).toEqual(["POST", "POST", "GET"]);
  });

  test("deletes a pod of the same name from an earlier attempt, and waits until its containers have ended", async () => {
    let gone = 0;
    await using api = startApiServer(({ method }) => {
      if (method === "DELETE") gone = 1;
      // The node needs a moment.
      if (method === "GET" && gone > 0) gone++;
      if (method === "POST" && gone < 3) return refusal(409, "AlreadyExists", "it exists");
      if (method === "GET" && gone >= 3) return refusal(404, "NotFound", "gone");
      return Response.json(pod("1"));
    });
    await create(api.client, "pods", pod("1"), signal);
    expect(api.received.map(({ method }) => method)).toEqual(["POST", "GET", "DELETE", "GET", "GET", "POST"]);
    expect(api.received[2]?.path).toEndWith("?gracePeriodSeconds=1");
  });
});

test("the deletion of a missing object succeeds, and has no grace period", async () => {
  await using api = startApiServer(() => refusal(404, "NotFound", "not found"));
  await remove(api.client, "pods", "p");
  expect(api.received[0]?.path).toBe("/api/v1/namespaces/jobs/pods/p?gracePeriodSeconds=0");
});

describe("the watch of a pod", () => {
  test("polls where the role does not allow watching, and logs that once", async () => {
    await using api = startApiServer(({ path }, count) =>
      path.includes("watch=true")
        ? refusal(403, "Forbidden", "no")
        : count < 4
          ? Response.json(pod(String(count)))
          : refusal(404, "NotFound", "gone"),
    );
    const logger = createRecordingLogger();
    await using watch = watchPod(api.client, pod("0"), logger);
    while (!watch.isGone) await watch.changed();
    expect(watch.pod.metadata.resourceVersion).toBe("3");
    expect(logger.entries.filter(({ message }) => message.includes("does not allow"))).toHaveLength(1);
  });

  test("reads the pod when the server does not answer a watch", async () => {
    await using api = startApiServer(
      ({ path }) =>
        path.includes("watch=true") ? new Promise<Response>(() => {}) : refusal(404, "NotFound", "gone"),
      { requestTimeoutMs: 50 },
    );
    await using watch = watchPod(api.client, pod("0"), createRecordingLogger());
    while (!watch.isGone) await watch.changed();
    expect(api.received.map(({ path }) => path.includes("watch=true"))).toEqual([true, false]);
  });

  test("fails where the role allows neither watching nor reading pods", async () => {
    const message = 'User "agent" cannot get resource "pods"';
    await using api = startApiServer(() => refusal(403, "Forbidden", message));
    await using watch = watchPod(api.client, pod("0"), createRecordingLogger());
    while (watch.refusal === undefined) await watch.changed();
    expect(watch.refusal).toBe(
      `${message}; grant this to the agent's role as docs/kubernetes/rbac.yaml does`,
    );
  });

  test("ends at a line without an end, and reads the pod instead", async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(0x78);
    let sent = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1;
          if (sent > 200) controller.close();
          else controller.enqueue(chunk);
        },
      });
    await using api = startApiServer(({ path }) =>
      path.includes("watch=true") ? new Response(endless()) : refusal(404, "NotFound", "gone"),
    );
    await using watch = watchPod(api.client, pod("0"), createRecordingLogger());
    while (!watch.isGone) await watch.changed();
    expect(sent).toBeLessThan(100);
  });

  test("begins with the current state when the server has discarded the pod's version", async () => {
    const forgotten = { type: "ERROR", object: { code: 410, message: "too old resource version" } };
    await using api = startApiServer(({ path }) => {
      const line = path.includes("resourceVersion=0") ? forgotten : { type: "ADDED", object: pod("7") };
      if (path.includes("watch=true")) return new Response(`${JSON.stringify(line)}\n`);
      return Response.json(pod("0"));
    });
    await using watch = watchPod(api.client, pod("0"), createRecordingLogger());
    while (watch.pod.metadata.resourceVersion !== "7") await watch.changed();
    expect(api.received.map(({ path }) => path.includes("resourceVersion"))).toEqual([true, false, false]);
  });

  test("continues at the last version when a connection ends, and ignores a pod with another uid", async () => {
    const event = (object: Pod) => new Response(`${JSON.stringify({ type: "MODIFIED", object })}\n`);
    await using api = startApiServer(({ path }) => {
      if (path.includes("resourceVersion=1&") || path.endsWith("resourceVersion=1")) return event(pod("2"));
      if (path.includes("watch=true")) return event(pod("3"));
      return Response.json(pod("9", { uid: "2" }));
    });
    await using watch = watchPod(api.client, pod("1"), createRecordingLogger());
    while (!watch.isGone) await watch.changed();
    expect(watch.pod.metadata.resourceVersion).toBe("2");
  });
});

test("an event that a second watch repeats is reported once", async () => {
  const event = (version: string, reason: string) =>
    `${JSON.stringify({ type: "ADDED", object: { metadata: { name: "e", uid: version, resourceVersion: version }, reason, involvedObject: { uid: "1" } } })}\n`;
  await using api = startApiServer(
    (_, count) => new Response(event("1", "Pulling") + (count > 1 ? event("2", "Pulled") : "")),
  );
  const reasons: string[] = [];
  const stopping = new AbortController();
  await watchEvents(api.client, pod("0"), {
    logger: createRecordingLogger(),
    signal: stopping.signal,
    onEvent({ reason = "" }) {
      reasons.push(reason);
      if (reason === "Pulled") stopping.abort();
    },
  });
  expect(reasons).toEqual(["Pulling", "Pulled"]);
});
