import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { capture } from "../client/exec.ts";
import { type Channel, startExecServer } from "../testing/exec-server.ts";
import { openLink } from "./link.ts";
import { upload } from "./upload.ts";

const place = { pod: "p", container: "main" };
const gigabyte = 1024 ** 3;
const chunk = new Uint8Array(64 * 1024).fill(0x78);

test("a command whose output is captured ends after 1 MiB", async () => {
  await using server = startExecServer("stdout", chunk, gigabyte);
  const { end, stdout } = await capture(server.client, { ...place, command: ["cat"] });
  expect([end.kind, stdout.length]).toEqual(["broken", 1024 * 1024]);
  while (server.connections.open > 0) await Bun.sleep(5);
});

test("a line of the helper without an end closes the session with a reason", async () => {
  await using server = startExecServer("stderr", chunk, gigabyte);
  const logger = createRecordingLogger();
  const link = openLink({
    ...place,
    client: server.client,
    logger,
    lostTimeoutMs: 60_000,
    findPodEnd: async () => undefined,
  });
  expect(link.started).rejects.toThrow("its helper sent a line of more than 65536 bytes");
  await link.ended;
  expect(link.reason).toBe(
    "the connection to the pod was given up: its helper sent a line of more than 65536 bytes",
  );
  while (server.connections.open > 0) await Bun.sleep(5);
  expect(server.connections.total).toBe(1);
});

test.each<Channel>(["stdout", "stderr"])(
  "an upload that is answered by a flood on %s fails",
  async (channel) => {
    await using server = startExecServer(channel, chunk, gigabyte);
    const signal = new AbortController().signal;
    const bytes = new Uint8Array(10);
    expect(upload({ ...place, client: server.client, name: "file-1", bytes, signal })).rejects.toThrow(
      '"file-1" (10 bytes) could not be written in pod "p"',
    );
    while (server.connections.total < 3 || server.connections.open > 0) await Bun.sleep(5);
  },
);
