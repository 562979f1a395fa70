import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import type { Client } from "../client/client.ts";
import { refusal, startApiServer } from "../testing/api-server.ts";
import { createPatientClient } from "./patient-client.ts";

function startServer(options: {
  readonly refusals: number;
  readonly isHeld?: boolean;
  readonly limitMs?: number;
}) {
  const state = { calls: 0, checks: 0 };
  const server = startApiServer(() => {
    state.calls += 1;
    return state.calls > options.refusals ? Response.json({}) : refusal(401, "Unauthorized", "Unauthorized");
  });
  const logger = createRecordingLogger();
  const guard = { isHeld: options.isHeld ?? true, check: () => void (state.checks += 1) };
  const { limitMs = 60_000 } = options;
  const client = createPatientClient(server.client, { guard, logger, limitMs, pauseMs: 5 });
  return { state, client, logger, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

test("a refused token is tried again while the agent's lease is valid, with one line in the log", async () => {
  await using server = startServer({ refusals: 5 });
  expect(await server.client.call("GET", "/api")).toEqual({});
  expect(server.state).toEqual({ calls: 6, checks: 5 });
  const response = await server.client.open("/api", { signal: new AbortController().signal });
  expect(response.status).toBe(200);
  expect(server.logger.entries.map(({ message }) => message)).toEqual([
    expect.stringContaining("the agent's pod may have been deleted: Unauthorized"),
  ]);
});

test("a stopped job, and a token that stays refused, end the attempts", async () => {
  await using server = startServer({ refusals: 1e9, limitMs: 50 });
  await expect(server.client.call("GET", "/api")).rejects.toMatchObject({ status: 401 });
  await using other = startServer({ refusals: 1e9 });
  const stopping = new AbortController();
  const call = other.client.call("GET", "/api", { signal: stopping.signal });
  while (other.state.calls < 3) await Bun.sleep(5);
  stopping.abort(new Error("stopped"));
  await expect(call).rejects.toThrow();
});

test("calls without a limit of their own are retried as long as the agent's lease can last", async () => {
  await using server = startApiServer(() => Response.json({}));
  const limits: unknown[] = [];
  const client: Client = {
    ...server.client,
    call(method, path, options) {
      limits.push(options?.retryMs);
      return server.client.call(method, path, options);
    },
  };
  const logger = createRecordingLogger();
  for (const isHeld of [true, false]) {
    const patient = createPatientClient(client, { guard: { isHeld, check() {} }, logger });
    await patient.call("GET", "/api");
    await patient.call("GET", "/api", { retryMs: 5000 });
  }
  expect(limits).toEqual([60_000, 5000, undefined, 5000]);
});

test("without a lease a refused token is an error at once", async () => {
  await using server = startServer({ refusals: 1e9, isHeld: false });
  await expect(server.client.call("GET", "/api")).rejects.toMatchObject({ status: 401 });
  expect(server.state.calls).toBe(1);
});
