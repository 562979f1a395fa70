import { expect, test } from "bun:test";
import type { Executor } from "signalman";
import { createLazyExecutor } from "signalman/executor";

/** An executor that records its calls. */
function createRecorder(calls: string[]): Executor {
  const record = async (call: string) => (calls.push(call), 0);
  return {
    start: () => record("start"),
    exportEnvironment: () => record("exportEnvironment"),
    injectFiles: () => record("injectFiles"),
    run: (directive) => record(`run ${directive}`),
    stop: async (graceMs) => void (await record(`stop ${graceMs}`)),
    usage: async () => ({ peakMemoryBytes: 1 }),
    [Symbol.asyncDispose]: async () => void (await record("dispose")),
  };
}

const { signal } = new AbortController();

test("calls that arrive while an executor is loaded reach it in their order", async () => {
  const calls: string[] = [];
  const loading = Promise.withResolvers<Executor>();
  let loads = 0;
  const lazy = createLazyExecutor(() => (loads++, loading.promise));
  expect(loads).toBe(0);
  const all = [lazy.start(signal), lazy.run("a", () => {}), lazy.stop(5), lazy[Symbol.asyncDispose]()];
  loading.resolve(createRecorder(calls));
  await Promise.all(all);
  expect(calls).toEqual(["start", "run a", "stop 5", "dispose"]);
  expect(loads).toBe(1);
  expect(await lazy.usage?.()).toEqual({ peakMemoryBytes: 1 });
});

test("an executor that was never called is not loaded for its disposal", async () => {
  const lazy = createLazyExecutor(() => Promise.reject(new Error("loaded")));
  expect(await lazy.usage?.()).toEqual({});
  await lazy[Symbol.asyncDispose]();
});

test("a failure to load is that of the start, and its disposal does not throw", async () => {
  const lazy = createLazyExecutor(() => Promise.reject(new Error("no such code")));
  expect(lazy.start(signal)).rejects.toThrow("no such code");
  await lazy[Symbol.asyncDispose]();
});
