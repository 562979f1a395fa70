import { expect, test } from "bun:test";
import {
  createDummyAdmission,
  createDummyJobs,
  createDummySignals,
  createDummyState,
  silentLogger,
} from "signalman/testing";
import { createHostedSource } from "./source.ts";
import { defaultLimits } from "./http/server.ts";
import { secret, sign } from "./testing/api-scene.ts";
import { createCertificate } from "./testing/certificate.ts";

test("a paused agent answers 503 with the reason, and accepts the job when it is resumed", async () => {
  const certificate = createCertificate();
  const jobs = createDummyJobs();
  const { signals, interrupt } = createDummySignals();
  const door = createDummyAdmission();
  const url = Promise.withResolvers<string>();
  const source = createHostedSource({
    host: "127.0.0.1",
    port: 0,
    certificate,
    limits: defaultLimits,
    secret,
    callbacks: { attempts: 1, intervalMs: 1 },
    agentLog: { path: "/nonexistent", maxBytes: 1 },
    logs: { *read() {}, archive() {} },
    findFault: () => undefined,
  });
  door.pause("the disk is full");
  const running = source.run({
    version: "v1.2.3",
    slot: 0,
    slots: 1,
    logger: silentLogger,
    state: createDummyState(),
    jobs,
    signals,
    admission: door.admission,
    registered: async (_, address) => url.resolve(address),
    synced() {},
    draining: async () => {},
  });
  const address = await url.promise;
  const submit = async () => {
    const answer = await fetch(`${address}/jobs`, {
      method: "POST",
      headers: { Authorization: `Bearer ${sign()}` },
      body: JSON.stringify({ job_id: "a", commands: [{ directive: "true" }] }),
      tls: { ca: certificate.cert },
    });
    return [answer.status, await answer.json()];
  };
  expect(await submit()).toEqual([503, { message: "this agent takes no job at present: the disk is full" }]);
  door.resume();
  expect(await submit()).toEqual([200, { message: "ok" }]);
  // A job that was accepted is the agent's, also in a pause.
  door.pause();
  expect(await submit()).toEqual([200, { message: "job is already running" }]);
  expect(jobs.all).toHaveLength(1);
  jobs.all[0]!.finish("passed");
  interrupt();
  expect(await running).toBe("interrupted");
});
