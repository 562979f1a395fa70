import { ptr } from "bun:ffi";
import { toMessage } from "../../core/errors.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { openLibc } from "../processes/libc.ts";

/** The service manager of this process, by the protocol of sd_notify(3). */
export interface ServiceManager extends Disposable {
  /**
   * Seconds after which systemd ends a service that sends no heartbeat (`WatchdogSec`). `undefined`: without
   * a limit.
   */
  readonly watchdogSeconds: number | undefined;
  /** Reports that the service has started, and begins to send heartbeats as long as the event loop runs. */
  ready(): void;
}

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** Connects to the service manager, if the process runs as a service of `Type=notify`; otherwise nothing is sent. */
export function connectServiceManager({ env, logger }: ServiceManagerOptions): ServiceManager {
  const address = env["NOTIFY_SOCKET"];
  const usec = Number(env["WATCHDOG_USEC"]);
  const isOurs = [undefined, String(process.pid)].includes(env["WATCHDOG_PID"]);
  const watchdogSeconds = isOurs && usec > 0 ? usec / 1e6 : undefined;
  let timer: NodeJS.Timeout | undefined;
  const send = (message: string) => {
    try {
      if (address) sendDatagram(address, message);
    } catch (error) {
      logger.warn(`the service manager was not notified: ${toMessage(error)}`);
    }
  };
  return {
    watchdogSeconds,
    ready() {
      if (!address) return;
      send("READY=1");
      if (watchdogSeconds === undefined) return;
      timer = setInterval(() => send("WATCHDOG=1"), (watchdogSeconds * 1000) / 4);
      timer.unref();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      send("STOPPING=1");
    },
  };
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;

/** Sends one datagram to a Unix socket, which Bun cannot. Throws when the system refuses it. */
export function sendDatagram(address: string, message: string): void {
  const libc = openLibc(signatures);
  if (libc === undefined) throw new Error("the C library was not found");
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new Error("no socket could be created");
  try {
    const name = toSocketName(address);
    const bytes = Buffer.from(message);
    const sent = Number(libc.sendto(fd, ptr(bytes), bytes.length, 0, ptr(name), name.length));
    if (sent !== bytes.length) throw new Error(`"${address}" does not accept datagrams`);
  } finally {
    libc.close(fd);
  }
}

/** A `sockaddr_un`; a leading `@` stands for an abstract name. */
function toSocketName(address: string): Buffer {
  const path = Buffer.from(address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`);
  const family = Buffer.alloc(2);
  new DataView(family.buffer, family.byteOffset).setUint16(0, AF_UNIX, true);
  return Buffer.concat([family, path]);
}

const signatures = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;
