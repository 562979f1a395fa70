import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import type { Client } from "../client/client.ts";
import { startExec, type Exec } from "../client/exec.ts";
import bridge from "./bridge.sh" with { type: "text" };
import { createOutbox } from "./outbox.ts";

export interface LinkOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  readonly logger: Logger;
  /** Milliseconds without a connection after which the session is given up. */
  readonly lostTimeoutMs: number;
  /** Why the pod is no longer there, asked when a connection has ended. `undefined`: it is. */
  readonly findPodEnd: () => Promise<string | undefined>;
}

/** How the first connection went. */
export type LinkStart = "held" | "not-held";

/** The session's connection to its pod: broken as often as may be, it goes on where it was. */
export interface Link {
  /** Resolves with the first connection; `not-held`: the image has no `script`. Rejects when the link is closed before. */
  readonly started: Promise<LinkStart>;
  /** Resolves when the terminal has ended or is out of reach. Never rejects. */
  readonly ended: Promise<void>;
  /** Why it is out of reach, for the job's log. */
  readonly reason: string | undefined;
  /** How the last attempt to connect has failed. */
  readonly failure: string;
  /** Gets the terminal's output: every byte once, in order. Only valid during the call. Set before the terminal starts. */
  onData: (bytes: Uint8Array) => void;
  /** Queues a step for the supervisor, which runs it once. */
  send(step: string): void;
  close(): void;
}

/** A connection that has not said anything for so long is dead. */
const silenceMs = 40_000;
const beatMs = 10_000;
const ackBytes = 4 * 1024 * 1024;

export function openLink(options: LinkOptions): Link {
  const { client, logger } = options;
  const started = Promise.withResolvers<LinkStart>();
  const ended = Promise.withResolvers<void>();
  const closing = new AbortController();
  const outbox = createOutbox();
  let offset = 0;
  let ackedOffset = 0;
  let lastConnected = performance.now();
  let reason: string | undefined;
  let isStarted = false;
  let isForbidden = false;
  let failure = "no attempt has ended yet";
  let current: Exec | undefined;
  /** The connection that may carry steps: its far side has answered, and has got what waited. */
  let ready: Exec | undefined;
  /** Length of the terminal's whole output, once it has ended. */
  let total: number | undefined;
  started.promise.catch(() => {});

  function onStdout(bytes: Uint8Array): void {
    offset += bytes.length;
    link.onData(bytes);
    if (offset - ackedOffset >= ackBytes) {
      ackedOffset = offset;
      link.send(`ack ${offset}`);
    }
    if (total !== undefined && offset >= total) finish();
  }

  function onLine(line: string): void {
    const [word, value = ""] = line.split(" ");
    if (word === "ack") outbox.acknowledge(value);
    else if (word === "ended") {
      total = Number(value);
      if (offset >= total) finish();
    } else if (word === "hello") onHello(line.includes("without") ? "not-held" : "held");
  }

  function onHello(start: LinkStart): void {
    if (isStarted) logger.info("connected to the job's pod again");
    isStarted = true;
    for (const line of outbox.waiting()) current?.write(line);
    ready = current;
    started.resolve(start);
  }

  function finish(why?: string): void {
    reason ??= why;
    closing.abort();
    current?.close();
    started.reject(new Error(why ?? "the connection to the pod was closed"));
    ended.resolve();
  }

  async function connect(): Promise<string> {
    const stderr = createLineReader(onLine);
    let heard = performance.now();
    const exec = await startExec(client, {
      pod: options.pod,
      container: options.container,
      command: ["bash", "-c", bridge, "signalman-bridge", String(offset)],
      onStdout(bytes) {
        if (current !== exec) return;
        heard = performance.now();
        onStdout(bytes);
      },
      onStderr(bytes) {
        if (current !== exec) return;
        heard = lastConnected = performance.now();
        stderr(bytes);
      },
    });
    current = exec;
    const beat = setInterval(() => {
      if (performance.now() - heard > silenceMs) exec.close();
      else exec.write(Buffer.from("beat\n"));
    }, beatMs);
    const end = await exec.ended;
    clearInterval(beat);
    current = ready = undefined;
    if (end.kind === "refused" && (end.status === 401 || end.status === 403)) isForbidden = true;
    return end.kind === "exited" ? `the connection's command exited with ${end.code}` : end.message;
  }

  async function run(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      const before = lastConnected;
      const why = await connect().catch(String);
      if (closing.signal.aborted) return;
      if (lastConnected !== before) failures = 0;
      failure = why;
      // Before the first connection the container may not run yet: the caller decides how long to wait.
      if (!isStarted && isForbidden) return finish(why);
      if (isStarted) {
        if (failures === 0) logger.warn(`connection to the job's pod lost: ${why}; reconnecting`);
        const podEnd = await options.findPodEnd();
        if (podEnd !== undefined) return finish(podEnd);
        if (performance.now() - lastConnected > options.lostTimeoutMs)
          return finish(`the pod was out of reach for ${Math.round(options.lostTimeoutMs / 1000)} s: ${why}`);
      }
      const pause = isStarted ? Math.min(3000, 100 * 1.5 ** Math.min(failures, 12)) : 100;
      await sleep(pause, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  const link: Link = {
    started: started.promise,
    ended: ended.promise,
    get reason() {
      return reason;
    },
    get failure() {
      return failure;
    },
    onData: () => {},
    send(step) {
      const line = outbox.add(step);
      ready?.write(line);
    },
    close: () => finish(),
  };
  void run();
  return link;
}

/** Gives out whole lines. */
function createLineReader(onLine: (line: string) => void): (bytes: Uint8Array) => void {
  let rest = "";
  return (bytes) => {
    const lines = (rest + Buffer.from(bytes).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
}
