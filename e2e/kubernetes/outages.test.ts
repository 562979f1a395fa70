import { describe, expect, test } from "bun:test";
import { createRecordingLogger, executorContext, jobRequest, tmpdir } from "signalman/testing";
import { createClient } from "../../plugins/kubernetes/client/client.ts";
import { loadConnection } from "../../plugins/kubernetes/client/connection.ts";
import { removeLater } from "../../plugins/kubernetes/clean-up.ts";
import { createKubernetesExecutor } from "../../plugins/kubernetes/executor.ts";
import { images } from "../support/cluster/images.ts";
import { ports } from "../support/cluster/layout.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";
import { createNamespace } from "./namespaces.ts";
import { settings } from "./subjects.ts";

/** An executor whose way to the API server can be interrupted. */
async function createScene(lostTimeoutMs: number, defaultImage: string = images.debian) {
  const cleanup = new AsyncDisposableStack();
  const namespace = cleanup.use(await createNamespace());
  const proxy = cleanup.use(
    await startCuttingProxy(ports.apiServer, () => ({ bytes: Infinity, delayMs: 0 })),
  );
  const directory = cleanup.use(await tmpdir());
  const connection = await loadConnection(namespace.env);
  const client = createClient({ ...connection, server: `https://127.0.0.1:${proxy.port}` });
  const logger = createRecordingLogger();
  const job = jobRequest({ id: crypto.randomUUID() });
  const executor = createKubernetesExecutor(executorContext(directory.path, { job, logger }), {
    settings: { ...settings, lostTimeoutMs, defaultImage },
    connect: async () => client,
  });
  expect(await executor.start(new AbortController().signal)).toBe(0);
  const run = async (directive: string) => {
    let output = "";
    const code = await executor.run(directive, (chunk) => (output += Buffer.from(chunk).toString()));
    return { code, output: output.replaceAll("\r\n", "\n") };
  };
  return {
    client,
    executor,
    job,
    logger,
    namespace,
    proxy,
    run,
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}

describe("an API server that is away", () => {
  test("for a while delays a job's output, and nothing else", async () => {
    await using scene = await createScene(60_000);
    const running = scene.run("for i in $(seq 30); do echo $i; sleep 0.1; done");
    await Bun.sleep(500);
    scene.proxy.refuse(true);
    await Bun.sleep(4000);
    scene.proxy.refuse(false);
    const output = Array.from({ length: 30 }, (_, at) => `${at + 1}\n`).join("");
    expect(await running).toEqual({ code: 0, output });
    await scene.executor[Symbol.asyncDispose]();
    await scene.namespace.emptied();
  }, 120_000);

  test("for longer than the time-out ends the job with a line; what is left is deleted when it is back", async () => {
    await using scene = await createScene(2000);
    const running = scene.run("echo begun; sleep 600");
    await Bun.sleep(500);
    scene.proxy.refuse(true);
    const { code, output } = await running;
    expect(code).toBe(1);
    expect(output).toMatch(/^begun\n\[signalman: the pod could not be reached for 2 s: .*\]\n$/);
    await scene.executor[Symbol.asyncDispose]();
    expect(scene.logger.entries.at(-1)?.message).toContain("could not delete pod");
    expect((await scene.namespace.left()).length).toBeGreaterThan(0);
    const removing = removeLater(async () => scene.client, scene.job.id, {
      signal: new AbortController().signal,
      logger: scene.logger,
    });
    scene.proxy.refuse(false);
    await removing;
    await scene.namespace.emptied();
  }, 120_000);

  test("at the moment of a stop does not keep the stop", async () => {
    await using scene = await createScene(60_000);
    const running = scene.run("echo begun; sleep 600");
    await Bun.sleep(500);
    scene.proxy.refuse(true);
    await scene.executor.stop(0);
    expect((await running).code).toBe(1);
    scene.proxy.refuse(false);
    await scene.executor[Symbol.asyncDispose]();
    await scene.namespace.emptied();
  }, 120_000);

  test("ends a job whose image cannot hold a session, and the log says why", async () => {
    await using scene = await createScene(60_000, images.noScript);
    const running = scene.run("echo begun; sleep 600");
    await Bun.sleep(1000);
    scene.proxy.refuse(true);
    const { code, output } = await running;
    expect(code).toBe(1);
    expect(output).toMatch(
      /^begun\n\[signalman: the connection to the pod was lost, and the image has no "script" to resume it: .*\]\n$/,
    );
    expect(scene.logger.entries.some(({ message }) => message.includes('has no "script"'))).toBe(true);
    scene.proxy.refuse(false);
    await scene.executor[Symbol.asyncDispose]();
    await scene.namespace.emptied();
  }, 120_000);
});
