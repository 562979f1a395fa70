import { describe, expect, test } from "bun:test";
import { AgentError } from "../../../src/core/errors.ts";
import { attributeError, callFor, describeCaller, wrapService } from "../../../src/core/host/attribution.ts";

const origin = { plugin: "a", where: "job:prepare" };

describe("an error that is attributed to a plugin", () => {
  test("keeps the thrown value as its cause, whatever it was", () => {
    for (const thrown of [new Error("boom"), "boom", { message: "boom" }]) {
      expect(attributeError(thrown, origin)).toMatchObject({
        code: "PLUGIN_FAILED",
        message: 'plugin "a" failed in job:prepare: boom',
        cause: thrown,
      });
    }
    for (const thrown of [undefined, null, 1, {}, Object.create(null)]) {
      expect(attributeError(thrown, origin)).toMatchObject({ code: "PLUGIN_FAILED", cause: thrown });
    }
  });

  test("keeps the code of an AgentError", () => {
    const thrown = new AgentError("SESSION_FAILED", "bash does not answer");
    expect(attributeError(thrown, origin)).toMatchObject({
      code: "SESSION_FAILED",
      message: 'plugin "a" failed in job:prepare: bash does not answer',
      cause: thrown,
    });
  });

  test("names no place in the plugin's source for a faulty configuration or another host's failure", () => {
    for (const code of ["CONFIG_INVALID", "CONTROL_PLANE_FAILED"] as const) {
      const error = attributeError(new AgentError(code, "no endpoint"), { plugin: "a", where: "setup" });
      expect(error).toMatchObject({ code, message: 'plugin "a": no endpoint' });
    }
  });

  test("is attributed once", () => {
    const once = attributeError(new Error("boom"), origin);
    expect(attributeError(once, { plugin: "b", where: "setup" })).toBe(once);
  });

  test("is returned unchanged when it refuses a job or is the reason of an abort", () => {
    const controller = new AbortController();
    const reason = new Error("stopped");
    controller.abort(reason);
    expect(attributeError(reason, origin, [controller.signal])).toBe(reason);
    const abort = new DOMException("aborted", "AbortError");
    expect(attributeError(abort, origin)).toBe(abort);
    const refusal = new AgentError("JOB_REFUSED", "no");
    expect(attributeError(refusal, origin)).toBe(refusal);
  });
});

describe("the plugin that ends the process", () => {
  const call = () => describeCaller(new Error("process.exit was called"));

  test("is known while a method of its service runs, also when the stack does not show it", async () => {
    const inner = wrapService({ run: call }, { plugin: "b", where: 'x "inner"' }, { methods: ["run"] });
    const target = { run: () => [inner.run(), call()], wait: async () => Promise.resolve().then(call) };
    const outer = wrapService(target, { plugin: "a", where: 'x "outer"' }, { methods: ["run", "wait"] });
    expect(outer.run()).toEqual(['plugin "b" in x "inner".run', 'plugin "a" in x "outer".run']);
    expect(await outer.wait()).toBe("a plugin");
    expect(call()).toBe("a plugin");
  });

  test("is known while its hook runs", () => {
    expect(callFor(origin, call, undefined, [])).toBe('plugin "a" in job:prepare');
    expect(call()).toBe("a plugin");
  });

  test("is unknown when the process ends without a call", () => {
    expect(callFor(origin, () => describeCaller(undefined), undefined, [])).toBe("a plugin");
  });
});

describe("a wrapped service", () => {
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
    const seen = wrapService(target, origin, { methods: ["increment", "fail"] });
    seen.increment();
    seen.increment();
    expect(seen.count).toBe(2);
    target.label = "renamed";
    expect(seen.label).toBe("renamed");
    expect(seen).toBeInstanceOf(Counter);
    expect("increment" in seen).toBe(true);
  });

  test("gives each method one identity", () => {
    const seen = wrapService({ greet: () => "hi" }, origin, { methods: ["greet"] });
    expect(seen.greet).toBe(seen.greet);
  });

  test("names its methods, symbols too", async () => {
    const seen = wrapService(new Counter(), origin, { methods: ["fail"] });
    await expect(seen.fail()).rejects.toThrow('plugin "a" failed in job:prepare.fail: failed at 0');
    expect(() => seen[Symbol.dispose]()).toThrow(
      'plugin "a" failed in job:prepare.dispose: cannot be disposed',
    );
  });

  test("may wrap a frozen object", () => {
    const seen = wrapService(
      Object.freeze({
        greet() {
          throw new Error("boom");
        },
      }),
      origin,
      { methods: ["greet"] },
    );
    expect(() => seen.greet()).toThrow('plugin "a" failed in job:prepare.greet: boom');
  });

  test("wraps the objects that its factories return or resolve to, each object once", async () => {
    const counter = new Counter();
    const factory = { make: () => counter, makeLater: async () => counter, plain: () => counter };
    const seen = wrapService(factory, origin, { factories: { make: [], makeLater: [] } });
    expect(seen.make()).toBe(seen.make());
    expect(await seen.makeLater()).toBe(seen.make());
    expect(() => seen.make()[Symbol.dispose]()).toThrow("plugin");
    expect(seen.plain()).toBe(counter);
  });
});
