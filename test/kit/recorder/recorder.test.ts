import { expect, test } from "bun:test";
import { join } from "node:path";
import { createRing } from "../../../src/kit/recorder/ring.ts";
import { maxRecordedBytes, recorderVersion, toSocket } from "../../../src/kit/recorder/recorded-stream.ts";
import { openRecording } from "../../../src/kit/recorder/recorder.ts";
import { tmpdir } from "signalman/testing";

const main = join(import.meta.dir, "../../../src/main.ts");

test("a ring keeps what was not released, and returns it from any byte of it", () => {
  const ring = createRing();
  const bytes = Uint8Array.from({ length: 700_001 }, (_, at) => at % 251);
  for (let at = 0; at < bytes.length; at += 10_007) ring.push(bytes.subarray(at, at + 10_007));
  const readAll = (from: number) => {
    const parts: Uint8Array[] = [];
    for (let part = ring.read(from); part && part.length > 0; part = ring.read(from)) {
      parts.push(part);
      from += part.length;
    }
    return Buffer.concat(parts);
  };
  expect(readAll(0).equals(bytes)).toBe(true);
  ring.release(300_000);
  expect(readAll(300_000).equals(bytes.subarray(300_000))).toBe(true);
  expect(ring.read(299_999)).toBeUndefined();
  expect(ring.read(bytes.length)).toEqual(new Uint8Array());
  expect(ring.read(bytes.length + 1)).toBeUndefined();
  expect([ring.end, ring.byteLength]).toEqual([700_001, 400_001]);
  ring.release(10);
  ring.release(Number.NaN);
  expect(ring.byteLength).toBe(400_001);
  ring.release(9_000_000);
  expect([ring.end, ring.byteLength]).toEqual([700_001, 0]);
});

/** A server whose answer to `/stream` becomes a raw stream, and a recorder of it. */
async function startScene({ unclaimedMs = 60_000 } = {}) {
  const directory = await tmpdir();
  const socketPath = join(directory.path, "server.sock");
  const requests: string[] = [];
  const connected = Promise.withResolvers<Bun.Socket>();
  const server = Bun.listen({
    unix: socketPath,
    socket: {
      data(socket, bytes) {
        const [line = ""] = bytes.toString().split("\r\n");
        requests.push(line);
        if (!line.includes("/stream")) return void socket.end("HTTP/1.1 204 No Content\r\n\r\n");
        socket.write("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n");
        connected.resolve(socket);
      },
    },
  });
  const handle = { version: recorderVersion, name: crypto.randomUUID(), secret: "0123456789abcdef" };
  const child = Bun.spawn([process.execPath, main, "stream-recorder", "a-job"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const input = { ...handle, server: { socketPath }, path: "/stream", endPath: "/end", unclaimedMs };
  void child.stdin.write(`${JSON.stringify(input)}\n`);
  await child.stdin.end();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  expect(Buffer.from(value!).toString()).toBe("ready\n");
  return {
    handle,
    child,
    requests,
    stream: await connected.promise,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      server.stop(true);
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

test("a recorder gives what it has from a byte on, then what follows, and exits with the stream", async () => {
  await using scene = await startScene();
  scene.stream.write("0123456789");
  let said = "";
  using recording = await openRecording(scene.handle, 4, (bytes) => (said += Buffer.from(bytes).toString()));
  await until(() => said === "456789");
  scene.stream.write("abc");
  await until(() => said === "456789abc");
  recording.keep(6);
  scene.stream.end("z");
  await recording.ended;
  expect(said).toBe("456789abcz");
  expect(await scene.child.exited).toBe(0);
});

test("bytes that were released are not given again", async () => {
  await using scene = await startScene();
  scene.stream.write("0123456789");
  let said = "";
  using first = await openRecording(scene.handle, 0, (bytes) => (said += Buffer.from(bytes).toString()));
  await until(() => said.length === 10);
  first.keep(8);
  scene.stream.write("x");
  await until(() => said.length === 11);
  using second = await openRecording(scene.handle, 7, () => expect.unreachable());
  await second.ended;
  let late = "";
  using third = await openRecording(scene.handle, 8, (bytes) => (late += Buffer.from(bytes).toString()));
  await until(() => late === "89x");
  third.end();
  expect(await scene.child.exited).toBe(0);
});

test("who does not know the secret gets nothing, and hinders no process that does", async () => {
  await using scene = await startScene();
  scene.stream.write("secret output");
  const strangers: Bun.Socket[] = [];
  let closed = 0;
  const answers: string[] = [];
  for (const words of ["wrong 0\n", " 0\n", "x".repeat(1000), "", ""]) {
    const stranger = await Bun.connect({
      unix: toSocket(scene.handle.name),
      socket: { data: (_, bytes) => void answers.push(bytes.toString()), close: () => void (closed += 1) },
    });
    stranger.write(words);
    strangers.push(stranger);
  }
  await until(() => closed >= 3);
  let said = "";
  using _recording = await openRecording(scene.handle, 0, (bytes) => (said += Buffer.from(bytes).toString()));
  await until(() => said === "secret output");
  expect(answers).toEqual([]);
  for (const stranger of strangers) stranger.terminate();
});

test("a process that knows the secret is heard beside a hundred connections that do not", async () => {
  await using scene = await startScene();
  scene.stream.write("output");
  const socket = { data() {}, error() {} };
  // Some are reset before they are connected.
  const connect = () => Bun.connect({ unix: toSocket(scene.handle.name), socket }).catch(() => undefined);
  const strangers = await Promise.all(Array.from({ length: 100 }, connect));
  let said = "";
  using _recording = await openRecording(scene.handle, 0, (bytes) => (said += Buffer.from(bytes).toString()));
  await until(() => said === "output");
  for (const stranger of strangers) stranger?.terminate();
});

test("a recorder reads no more than its limit while no process releases it", async () => {
  await using scene = await startScene();
  const chunk = new Uint8Array(1024 * 1024).fill(0x78);
  let sent = 0;
  let waits = 0;
  while (waits < 100 && sent < 2 * maxRecordedBytes) {
    const written = scene.stream.write(chunk);
    sent += Math.max(written, 0);
    if (written > 0) waits = 0;
    else {
      waits += 1;
      await Bun.sleep(20);
    }
  }
  expect(sent).toBeGreaterThanOrEqual(maxRecordedBytes);
  expect(sent).toBeLessThan(maxRecordedBytes + 16 * 1024 * 1024);
  let received = 0;
  using recording = await openRecording(scene.handle, 0, (bytes) => (received += bytes.length));
  await until(() => received >= maxRecordedBytes);
  recording.keep(received);
  const before = sent;
  await until(() => {
    sent += Math.max(scene.stream.write(chunk), 0);
    return sent >= before + 8 * 1024 * 1024;
  });
}, 60_000);

test("a recorder that no process claims ends the stream, and exits", async () => {
  await using scene = await startScene({ unclaimedMs: 50 });
  await until(() => scene.requests.length > 1);
  expect(scene.requests).toEqual(["POST /stream HTTP/1.1", "POST /end HTTP/1.1"]);
  scene.stream.end();
  expect(await scene.child.exited).toBe(0);
});

test("a recorder exits when the process that has started it exits without an order", async () => {
  const child = Bun.spawn([process.execPath, main, "stream-recorder", "a-job"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  await child.stdin.end();
  expect(await child.exited).toBe(0);
});

// A recorder ignores what a service manager sends to all processes of an agent.
test("SIGTERM does not end a recorder", async () => {
  await using scene = await startScene();
  scene.child.kill("SIGTERM");
  scene.stream.write("still here");
  let said = "";
  using _recording = await openRecording(scene.handle, 0, (bytes) => (said += Buffer.from(bytes).toString()));
  await until(() => said === "still here");
});
