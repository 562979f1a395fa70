import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { lockPull } from "./pull-lock.ts";

const uid = process.getuid!();
const engine = "unix:///var/run/docker.sock";
const image = "debian:12";

/** A directory for temporary files in which another process holds the lock of the image. */
async function createHeldPlace() {
  const place = await tmpdir();
  const directory = join(place.path, `signalman-pulls-${uid}`);
  mkdirSync(directory, { mode: 0o700 });
  const name = createHash("sha256").update(`${engine}\n${image}`).digest("hex").slice(0, 32);
  const holder = Bun.spawn(["flock", join(directory, name), "sh", "-c", "echo held; exec cat"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await holder.stdout.getReader().read();
  let waits = 0;
  const lock = (maxWaitMs?: number) =>
    lockPull(
      { engine, image, parent: place.path, onWait: () => void (waits += 1), ...(maxWaitMs && { maxWaitMs }) },
      new AbortController().signal,
    );
  return {
    directory,
    lock,
    waits: () => waits,
    async [Symbol.asyncDispose]() {
      await holder.stdin.end();
      await holder.exited;
      await place[Symbol.asyncDispose]();
    },
  };
}

test("a lock in a directory that every user may write to is not waited for", async () => {
  await using held = await createHeldPlace();
  chmodSync(held.directory, 0o777);
  using _lock = await held.lock();
  expect(held.waits()).toBe(0);
});

test.skipIf(uid !== 0)(
  `a lock in a directory of another user is not waited for${uid === 0 ? "" : " (needs root)"}`,
  async () => {
    await using held = await createHeldPlace();
    chownSync(held.directory, 4321, 4321);
    using _lock = await held.lock();
    expect(held.waits()).toBe(0);
  },
);

test("a lock that another process holds for too long is reported once and ends the wait", async () => {
  await using held = await createHeldPlace();
  using _lock = await held.lock(500);
  expect(held.waits()).toBe(1);
});
