import { expect, test } from "bun:test";
import { jobProcesses } from "../support/agents.ts";
import { outputOf } from "../support/jobs.ts";
import { readPeak } from "../support/peak-memory.ts";
import { createPodScene } from "./agents.ts";
import { patiently } from "./namespaces.ts";

/**
 * Puts a `bash` that only writes zeros in front of the one that the agent's connections start, then ends the
 * connection.
 */
const replaceBash = [
  `printf '%s\\n' '#!/bin/bash' 'head -c 600000000 /dev/zero >&2; sleep 1000' >/usr/local/sbin/bash`,
  "chmod 755 /usr/local/sbin/bash",
  "kill -KILL $(cat /signalman/session/bridge)",
].join("; ");

test("a job that replaces the agent's helper in its pod fails, and its process on the host does not grow", async () => {
  await using pods = await createPodScene();
  const { namespace, scene } = pods;
  await pods.start();
  const id = await scene.hub.submit({
    commands: ["echo begun; until [ -e /go ]; do sleep 0.1; done", replaceBash, "echo never"],
  });
  await pods.shows(id, "begun");
  const pids = jobProcesses(id);
  await namespace.kubectl(["exec", `semaphore-job-${id}`, "--", "touch", "/go"]);
  let peak = 0;
  await patiently("the job is done", async () => {
    for (const pid of pids) peak = Math.max(peak, readPeak(pid));
    return (await scene.hub.job(id)).isDone;
  });
  expect((await scene.hub.job(id)).result).toBe("failed");
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(300 * 1024 * 1024);
  const log = await scene.hub.log(id);
  expect(outputOf(log, replaceBash) + outputOf(log, "echo never")).toContain(
    "[signalman: the connection to the pod was given up: its helper sent a line of more than 65536 bytes]",
  );
  await namespace.emptied();
}, 180_000);
