import { expect, test } from "bun:test";
import { containerJob, createContainerScene, testEngine, useTestEngine } from "../support/containers.ts";
import { deriveImage, images } from "../support/engine/images.ts";
import { outline, toEvents } from "../support/jobs.ts";
import { watchMemory } from "../support/peak-memory.ts";

useTestEngine();

const megabyte = 1024 * 1024;
/** An ordinary job in a container needs about 150 MB. */
const ordinary = 400 * megabyte;

test("an image whose /etc/passwd is 600 MB costs no memory, and the job's log names the container", async () => {
  await using scene = await createContainerScene();
  const engine = await testEngine();
  const image = "signalman-test/large-passwd:latest";
  const script = "mkdir -p /etc; rm -f /etc/passwd; truncate -s 600M /etc/passwd";
  await deriveImage(engine.socket, { from: images.busybox, to: image, script });
  const file = { path: "/file", content: Buffer.from("content").toString("base64"), mode: "0644" };
  const job = containerJob(["echo never"], [{}, { name: "db", image, command: "sleep 1000", files: [file] }]);
  const running = await scene.start(job);
  const peak = await watchMemory(running);
  const { exitCode, stdout } = await running.finished;
  expect(peak).toBeLessThan(ordinary);
  expect(exitCode).toBe(1);
  const lines = outline(toEvents(stdout)).join("\n");
  expect(lines).toContain('"/etc/passwd" of the image of container "db" is larger than 1.0 MiB');
  expect(lines).toContain("use an image with fewer accounts");
  expect(await scene.left()).toEqual([]);
}, 300_000);

test("a job that replaces the helper in its container by a flood costs no memory, and its log says why it ended", async () => {
  await using scene = await createContainerScene();
  const replace = [
    "cat >/usr/local/sbin/sh <<'end'",
    "#!/bin/bash",
    "head -c 1200000000 /dev/zero; sleep 1000",
    "end",
    "chmod 755 /usr/local/sbin/sh",
  ].join("\n");
  const kill =
    "for each in /proc/[0-9]*; do grep -aqs 'exec 3>&1' $each/cmdline && kill -9 ${each#/proc/}; done; true";
  const running = await scene.start(containerJob([replace, kill, "export LATER=1", "echo on $LATER"]));
  const peak = await watchMemory(running);
  const { exitCode, stdout } = await running.finished;
  expect(peak).toBeLessThan(ordinary);
  expect(exitCode).toBe(1);
  const lines = outline(toEvents(stdout)).join("\n");
  expect(lines).toContain("does not answer: it sent a line of more than 64.0 KiB");
  expect(await scene.left()).toEqual([]);
}, 300_000);

test("a helper that was stopped for longer than its time-out does not end the job when it continues", async () => {
  await using scene = await createContainerScene();
  const find =
    "helpers=$(for each in /proc/[0-9]*; do grep -aqs 'exec 3>&1' $each/cmdline && echo ${each#/proc/}; done)";
  const areWaiting =
    "until ! cat $(printf '/proc/%s/stat ' $helpers) | grep -v ') S '; do sleep 0.1; done 2>/dev/null";
  const job = containerJob([
    `${find}; kill -STOP $helpers`,
    "export LATER=1",
    `kill -CONT $helpers; ${areWaiting}`,
    "echo on $LATER",
  ]);
  const { exitCode, outline } = await scene.run(job, ["--stop-grace-period=300"]);
  expect(outline).toContain("[export LATER=1] 0: ");
  expect(outline).toContain("[echo on $LATER] 0: on 1\n");
  expect(exitCode).toBe(0);
  expect(await scene.left()).toEqual([]);
}, 60_000);
