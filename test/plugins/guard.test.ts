import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/core/errors.ts";
import { blame, guardObject } from "../../src/core/host/guard.ts";

const guard = { plugin: "a", where: "job:prepare" };

describe("an error that is attributed to a plugin", () => {
  test("keeps any thrown value as its cause", () => {
    for (const thrown of [new Error("boom"), "boom", { message: "boom" }]) {
      expect(blame(thrown, guard)).toMatchObject({
        code: "PLUGIN_FAILED",
        message: 'plugin "a" failed in job:prepare: boom',
        cause: thrown,
      });
    }
    for (const thrown of [undefined, null, 1, {}, Object.create(null)]) {
      expect(blame(thrown, guard)).toMatchObject({ code: "PLUGIN_FAILED", cause: thrown });
    }
  });

  test("keeps the code of an AgentError", () => {
    const thrown = new AgentError("SESSION_FAILED", "bash does not answer");
    expect(blame(thrown, guard)).toMatchObject({
      code: "SESSION_FAILED",
      message: 'plugin "a" failed in job:prepare: bash does not answer',
      cause: thrown,
    });
  });

  test("is attributed once", () => {
    const once = blame(new Error("boom"), guard);
    expect(blame(once, { plugin: "b", where: "setup" })).toBe(once);
  });

  test("is unchanged when it rejects a job or is the reason of an abort", () => {
    const controller = new AbortController();
    const reason = new Error("stopped");
    controller.abort(reason);
    expect(blame(reason, guard, [controller.signal])).toBe(reason);
    const abort = new DOMException("aborted", "AbortError");
    expect(blame(abort, guard)).toBe(abort);
    const refusal = new AgentError("JOB_REFUSED", "no");
    expect(blame(refusal, guard)).toBe(refusal);
  });
});

describe("a guarded object", () => {
  class Counter {
    #count = 0;
    label = "counter";
    get count(): number {
      return this.#count;
    }
    increment(): this {
      this.#count += 1;
      return this;
    }
    async fail(): Promise<never> {
      throw new Error(`failed at ${this.#count}`);
    }
    [Symbol.dispose](): void {
      throw new Error("cannot be disposed");
    }
  }

  test("works on the object itself, private fields and getters included", () => {
    const target = new Counter();
    const seen = guardObject(target, guard, { methods: ["increment", "fail"] });
    seen.increment();
    seen.increment();
    expect(seen.count).toBe(2);
    target.label = "renamed";
    expect(seen.label).toBe("renamed");
    expect(seen).toBeInstanceOf(Counter);
    expect("increment" in seen).toBe(true);
  });

  test("has one identity for each method", () => {
    const seen = guardObject({ greet: () => "hi" }, guard, { methods: ["greet"] });
    expect(seen.greet).toBe(seen.greet);
  });

  test("names its methods, symbols too", async () => {
    const seen = guardObject(new Counter(), guard, { methods: ["fail"] });
    await expect(seen.fail()).rejects.toThrow('plugin "a" failed in job:prepare.fail: failed at 0');
    expect(() => seen[Symbol.dispose]()).toThrow(
      'plugin "a" failed in job:prepare.dispose: cannot be disposed',
    );
  });

  test("may be frozen", () => {
    const seen = guardObject(
      Object.freeze({
        greet() {
          throw new Error("boom");
        },
      }),
      guard,
      { methods: ["greet"] },
    );
    expect(() => seen.greet()).toThrow('plugin "a" failed in job:prepare.greet: boom');
  });

  test("guards the objects of its factories, synchronous or not, with one identity each", async () => {
    const counter = new Counter();
    const factory = { make: () => counter, makeLater: async () => counter, plain: () => counter };
    const seen = guardObject(factory, guard, { factories: { make: [], makeLater: [] } });
    expect(seen.make()).toBe(seen.make());
    expect(await seen.makeLater()).toBe(seen.make());
    expect(() => seen.make()[Symbol.dispose]()).toThrow("plugin");
    expect(seen.plain()).toBe(counter);
  });
});
