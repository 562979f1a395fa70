import { expect, test } from "bun:test";
import { runBackend } from "../../src/agent/backend-run.ts";
import { runSource } from "../../src/agent/source-run.ts";
import { definePlugin, type Plugin } from "../../src/core/contracts/plugin.ts";
import { jobSource, logBackend, logSink } from "../../src/core/contracts/services.ts";
import { createHost } from "../../src/core/host/host.ts";
import { openSinks } from "../../src/job/log/open-sinks.ts";
import {
  createDummyAdmission,
  createDummyJobs,
  createDummySignals,
  createDummyState,
  createJobSpool,
  createRecordingLogger,
  jobRequest,
} from "../../src/testing/index.ts";

const never = () => new Promise<never>(() => {});

/** Opens a host with a plugin whose services never resolve. */
async function openStuckHost() {
  const logger = createRecordingLogger();
  const plugin = definePlugin({
    name: "stuck",
    setup(ctx) {
      ctx.provide(logBackend, "slow", { open: () => ({ run: never, [Symbol.asyncDispose]: never }) });
      ctx.provide(logSink, "slow", { open: () => ({ run: never }) });
      ctx.provide(jobSource, "slow", { identity: "slow", run: never });
    },
  });
  const origin = { kind: "built-in" } as const;
  const plugins = [{ plugin: plugin as Plugin, config: {}, origin }];
  const host = await createHost({ plugins, roles: ["agent"], logger });
  const messages = () => logger.entries.map(({ message }) => message);
  return { host, logger, messages };
}

test("a log backend that never resolves is given up after its time, and named", async () => {
  const { host, logger, messages } = await openStuckHost();
  const backend = host.use(logBackend, "slow").open({} as never);
  const running = runBackend(backend, { signal: AbortSignal.abort(), logger, limitMs: 20 });
  await expect(running).rejects.toThrow(
    'plugin "stuck" did not return from log-backend "slow".run within 20 ms after its time was over',
  );
  expect(messages()).toContain(
    'plugin "stuck" did not return from log-backend "slow".asyncDispose within 20 ms',
  );
});

test("a log sink that never resolves is given up 5 s after the job, and named", async () => {
  const { host, logger, messages } = await openStuckHost();
  await using spool = await createJobSpool();
  const sinks = openSinks({ host, job: jobRequest(), logger, slot: 0, openReader: () => spool.reader() });
  await sinks.finish();
  expect(messages()).toContain(
    'plugin "stuck" did not return from log-sink "slow".run within 5 s after the job',
  );
});

test("a job source that never resolves is given up after a hand-over, reported after an interrupt, and named", async () => {
  const { host, logger, messages } = await openStuckHost();
  const dummy = createDummySignals();
  const context = {
    version: "1.0.0",
    slot: 0,
    slots: 1,
    logger,
    state: createDummyState(),
    jobs: createDummyJobs(),
    signals: dummy.signals,
    admission: createDummyAdmission().admission,
    registered: async () => {},
    synced() {},
    draining: async () => {},
  };
  const running = runSource(host.use(jobSource, "slow"), context, { isBusy: () => false, limitMs: 20 });
  dummy.interrupt();
  while (messages().length === 0) await Bun.sleep(5);
  expect(messages()).toEqual([
    'plugin "stuck" has not returned from job-source "slow".run since the interrupt',
  ]);
  dummy.handOver();
  expect(await running).toBe("requested");
  expect(messages()).toContain(
    'plugin "stuck" did not return from job-source "slow".run within 20 ms after the hand-over',
  );
});
