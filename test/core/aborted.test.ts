import { describe, expect, test } from "bun:test";
import { onAbort, untilAborted } from "../../src/core/aborted.ts";

/** A signal that tells how many listeners it has. */
function createCountedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = ((...args: Parameters<typeof addEventListener>) => {
    count += 1;
    addEventListener.apply(signal, args);
  }) as typeof addEventListener;
  signal.removeEventListener = ((...args: Parameters<typeof removeEventListener>) => {
    count -= 1;
    removeEventListener.apply(signal, args);
  }) as typeof removeEventListener;
  return { controller, signal, listeners: () => count };
}

describe("a listener on a signal", () => {
  test("is called once when the signal aborts, and at once when it has aborted", () => {
    const { controller, signal } = createCountedSignal();
    let calls = 0;
    onAbort(signal, () => (calls += 1));
    expect(calls).toBe(0);
    controller.abort();
    controller.abort();
    expect(calls).toBe(1);
    onAbort(signal, () => (calls += 1));
    expect(calls).toBe(2);
  });

  test("is not called after its disposal, and leaves nothing at the signal", () => {
    const { controller, signal, listeners } = createCountedSignal();
    let calls = 0;
    {
      using _listener = onAbort(signal, () => (calls += 1));
      expect(listeners()).toBe(1);
    }
    expect(listeners()).toBe(0);
    controller.abort();
    expect(calls).toBe(0);
  });

  test("needs no signal", () => {
    onAbort(undefined, () => {
      throw new Error("there is nothing to abort");
    })[Symbol.dispose]();
  });
});

describe("work that a signal ends", () => {
  test("resolves to its result, and leaves nothing at the signal", async () => {
    const { signal, listeners } = createCountedSignal();
    expect(await untilAborted(signal, Promise.resolve(7))).toBe(7);
    expect(listeners()).toBe(0);
  });

  test("rejects with its own error, and leaves nothing at the signal", async () => {
    const { signal, listeners } = createCountedSignal();
    expect(untilAborted(signal, Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    await Bun.sleep(0);
    expect(listeners()).toBe(0);
  });

  test("resolves to undefined when the signal aborts first", async () => {
    const { controller, signal } = createCountedSignal();
    const waiting = untilAborted(signal, new Promise(() => {}));
    controller.abort();
    expect(await waiting).toBeUndefined();
    expect(await untilAborted(signal)).toBeUndefined();
  });
});
