import { ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { withoutSecrets } from "../../../src/job/base-environment.ts";
import { openLibc } from "../../../src/os/processes/libc.ts";
import { connectServiceManager } from "../../../src/os/systemd/notify.ts";
import { createRecordingLogger, tmpdir } from "../../../src/testing/index.ts";

/** Receives datagrams, as systemd does. */
function listen(path: string) {
  const libc = openLibc({
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  })!;
  const fd = libc.socket(1, 2, 0);
  const address = Buffer.concat([Buffer.from([1, 0]), Buffer.from(`${path}\0`)]);
  expect(libc.bind(fd, ptr(address), address.length)).toBe(0);
  const noWait = 0x40;
  return {
    next(): string | undefined {
      const bytes = Buffer.alloc(100);
      const length = Number(libc.recv(fd, ptr(bytes), BigInt(bytes.length), noWait));
      return length < 0 ? undefined : bytes.toString("utf8", 0, length);
    },
    [Symbol.dispose]: () => void libc.close(fd),
  };
}

test("the service manager learns that the agent is ready, that it works, and that it stops", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "notify.sock");
  using received = listen(path);
  const logger = createRecordingLogger();
  {
    using manager = connectServiceManager({
      env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000", WATCHDOG_PID: String(process.pid) },
      logger,
    });
    expect(manager.watchdogSeconds).toBe(0.02);
    expect(received.next()).toBeUndefined();
    manager.ready();
    expect(received.next()).toBe("READY=1");
    let beat: string | undefined;
    while ((beat = received.next()) === undefined) await Bun.sleep(1);
    expect(beat).toBe("WATCHDOG=1");
  }
  let last: string | undefined;
  for (let next = received.next(); next !== undefined; next = received.next()) last = next;
  expect(last).toBe("STOPPING=1");
  expect(logger.entries).toEqual([]);
});

test("a service manager that cannot be reached is a warning", () => {
  const logger = createRecordingLogger();
  using manager = connectServiceManager({ env: { NOTIFY_SOCKET: "/nonexistent/notify" }, logger });
  manager.ready();
  expect(logger.entries).toMatchObject([{ level: "warn" }]);
});

test("the watchdog of another process is not ours, and without a socket nothing is sent", () => {
  const logger = createRecordingLogger();
  using manager = connectServiceManager({ env: { WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" }, logger });
  manager.ready();
  expect(manager.watchdogSeconds).toBeUndefined();
  expect(logger.entries).toEqual([]);
});

test("jobs do not inherit the socket of the service manager", () => {
  const env = { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "1", WATCHDOG_PID: "2", PATH: "/bin" };
  expect(withoutSecrets(env)).toEqual({ PATH: "/bin" });
});
