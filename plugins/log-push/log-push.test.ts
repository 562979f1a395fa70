import { expect, test } from "bun:test";
import { type JobEvent, logBackend, type SpoolCursor } from "signalman";
import {
  createJobSpool,
  createRecordingLogger,
  jobEvents,
  jobRequest,
  testLogBackend,
  testPlugin,
} from "signalman/testing";
import plugin from "./index.ts";
import { type LoopbackServer, startLoopbackServer } from "./loopback-server.ts";

const quick = { "retry-delay-ms": 1, "retry-delay-max": 0.02, "interval-ms": 1 };

testLogBackend({
  name: "log-push",
  async create() {
    const host = await testPlugin(plugin, { config: quick });
    const server = await startLoopbackServer();
    return {
      open: (context) =>
        host.use(logBackend, "push").open({ ...context, job: requestFor(server, server.token) }),
      received: () => server.events(),
      fail: (times) => void server.faults.push(...Array.from({ length: times }, () => ({ kind: 500 }))),
      refuse: () => void server.faults.push({ kind: 422 }),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await host[Symbol.asyncDispose]();
      },
    };
  },
});
