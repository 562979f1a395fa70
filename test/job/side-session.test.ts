import { describe, expect, test } from "bun:test";
import { getPriority } from "node:os";
import type { Executor } from "../../src/core/contracts/executor.ts";
import type { ExecutorWrapper } from "../../src/core/contracts/executor-wrapper.ts";
import { definePlugin } from "../../src/core/contracts/plugin.ts";
import { executor, executorWrapper } from "../../src/core/contracts/services.ts";
import { limitExecutor } from "../../src/job/limited-executor.ts";
import {
  builtIn,
  createDummyExecutor,
  createJobExecutor,
  executorContext,
  silentLogger,
  testPlugin,
  tmpdir,
} from "../../src/testing/index.ts";

const { signal } = new AbortController();

async function startWrapped(wrapper: ExecutorWrapper) {
  const plugin = definePlugin({
    name: "wrapping",
    setup: (ctx) => ctx.provide(executorWrapper, "wrapping", wrapper),
  });
  const directory = await tmpdir();
  const t = await testPlugin(plugin, { with: [await builtIn("shell")] });
  const wrapped = createJobExecutor(t, "shell", executorContext(directory.path));
  expect(await wrapped.start(signal)).toBe(0);
  return {
    executor: wrapped,
    async [Symbol.asyncDispose]() {
      await wrapped[Symbol.asyncDispose]();
      await t[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function runBeside({ openSession }: Executor, directive: string): Promise<string> {
  await using side = await openSession!({ signal });
  let text = "";
  await side.run(directive, (chunk) => (text += Buffer.from(chunk as Uint8Array).toString()));
  return text.replaceAll("\r", "");
}

describe("a session beside the running one", () => {
  test("runs behind the command prefixes of all wrappers, also of one that replaces other members", async () => {
    await using job = await startWrapped({
      commandPrefix: () => ["nice", "-n", "7"],
      wrap: (inner) => ({ run: (directive, output) => inner.run(`:; ${directive}`, output) }),
    });
    expect(await runBeside(job.executor, "nice")).toBe(`${getPriority() + 7}\n`);
  });

  test("can be replaced by a wrapper; what is no session is refused with the plugin's name", async () => {
    let opened = 0;
    await using job = await startWrapped({
      wrap: (inner) => ({
        openSession(options) {
          opened += 1;
          return inner.openSession!(options);
        },
      }),
    });
    expect(await runBeside(job.executor, "echo beside")).toBe("beside\n");
    expect(opened).toBe(1);
    await using bad = await startWrapped({ wrap: () => ({ openSession: async () => ({}) as never }) });
    await expect(bad.executor.openSession!({ signal })).rejects.toThrow(
      'plugin "wrapping": executor-wrapper "wrapping" must return a session from openSession, not {}',
    );
  });

  test("that an executor does not have is missing in its views, also behind a wrapper", async () => {
    const { openSession: _, ...bare } = createDummyExecutor(executorContext("/nonexistent"));
    const provider = definePlugin({
      name: "provider",
      setup(ctx) {
        ctx.provide(executor, "bare", { create: () => bare });
        ctx.provide(executorWrapper, "all", { wrap: () => ({ stop: async () => {} }) });
      },
    });
    await using t = await testPlugin(provider);
    const wrapped = createJobExecutor(t, "bare", executorContext("/nonexistent"));
    expect(wrapped.openSession).toBeUndefined();
    expect(limitExecutor(wrapped, silentLogger, { stopGraceMs: 1 }).openSession).toBeUndefined();
  });

  test("that never opens, or whose command never ends, is given up after a stop", async () => {
    const inner = createDummyExecutor(executorContext("/nonexistent"));
    const never = () => new Promise<never>(() => {});
    const stuck = limitExecutor({ ...inner, openSession: never, stop: async () => {} }, silentLogger, {
      stopGraceMs: 0,
      callMs: 20,
    });
    const opening = stuck.openSession!({ signal });
    const session = { ...(await openDummy(inner)), run: never };
    const running = limitExecutor({ ...inner, openSession: async () => session }, silentLogger, {
      stopGraceMs: 0,
      callMs: 20,
    });
    const side = await running.openSession!({ signal });
    const code = side.run("sleep 60", () => {});
    await Promise.all([stuck.stop(0), running.stop(0)]);
    await expect(opening).rejects.toMatchObject({ code: "PLUGIN_SLOW" });
    expect(await code).toBe(1);
  });
});

async function openDummy(inner: Executor) {
  await inner.start(signal);
  return await inner.openSession!({ signal });
}
