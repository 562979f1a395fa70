import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import type { Client } from "../client/client.ts";
import { type ExecEnd, isForbidden } from "../client/exec.ts";
import { type Bridge, openBridge } from "./bridge.ts";
import { createOutbox } from "./outbox.ts";

export interface LinkOptions {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  readonly logger: Logger;
  /** Milliseconds without a connection after which the session ends. */
  readonly lostTimeoutMs: number;
  /**
   * Resolves to why the pod has ended; to `undefined` while it runs. Called after the end of each connection.
   */
  readonly findPodEnd: () => Promise<string | undefined>;
  /** Number of the job's process. Default: 1. */
  readonly owner?: number;
  /** Left out: the session is new. Otherwise the first connection is made when it is needed. */
  readonly continued?: {
    /** Number of the first step. */
    readonly step: number;
    /** Byte of the output at which reading begins. */
    readonly offset: number;
  };
  /** See `BridgeOptions`. */
  readonly onReceive?: () => void;
  /** Called when a later process of the job owns the session. */
  readonly onFenced?: () => void;
}

/** Whether the pod's supervisor holds the terminal, for which the image needs `script`. */
export type LinkStart = "held" | "not-held";

/**
 * The connection of a session to its pod. After a loss it reconnects and continues at the last received byte.
 */
export interface Link {
  /** Resolves with the first connection. Rejects when the link is closed before. */
  readonly started: Promise<LinkStart>;
  /** Resolves when the terminal has ended or its connection is given up. Never rejects. */
  readonly ended: Promise<void>;
  /** Why the connection was given up, for the job's log. */
  readonly reason: string | undefined;
  /** The error of the last attempt to connect. */
  readonly failure: string;
  /**
   * Receives each byte of the terminal's output once, in order; valid during the call only. Set it before the
   * terminal starts.
   */
  onData: (bytes: Uint8Array) => void;
  /** Queues a step for the supervisor, which executes it exactly once. */
  send(step: string): void;
  /** Ends the session for this reason. */
  giveUp(why: string): void;
  /** Number of the next step. */
  readonly nextStep: number;
  /** Connects to a session that is continued. */
  begin(): void;
  /** Output from this byte on may be read again by another process. Left out: none is. */
  keep(offset: number): void;
  close(): void;
}

/** Number of received bytes after which they are acknowledged, so that the supervisor can discard them. */
const ackBytes = 4 * 1024 * 1024;
/** Pause between attempts before the first connection, in milliseconds. */
const firstPauseMs = 100;

export function openLink(options: LinkOptions): Link {
  const { logger, continued, owner = 1 } = options;
  const started = Promise.withResolvers<LinkStart>();
  const ended = Promise.withResolvers<void>();
  const closing = new AbortController();
  const outbox = createOutbox(owner, continued?.step ?? 1);
  const progress = createProgress(continued !== undefined);
  const output = createOutputOffset(continued?.offset ?? 0);
  let connecting: Promise<void> | undefined;
  let reason: string | undefined;
  let bridge: Bridge | undefined;
  /** Whether the connection is established and all queued steps were sent again. */
  let isReady = false;
  started.promise.catch(() => {});

  function onOutput(bytes: Uint8Array): void {
    output.receive(bytes.length);
    link.onData(bytes);
    const ack = output.takeAck();
    if (ack !== undefined) link.send(ack);
    if (output.isComplete()) finish();
  }

  function onLine(line: string): void {
    progress.connectedAt = performance.now();
    const [word, value = ""] = line.split(" ");
    if (word === "ack") outbox.acknowledge(value);
    else if (word === "hello") onHello(line.includes("without") ? "not-held" : "held");
    else if (word === "ended") output.total = Number(value);
    else if (word === "fenced") options.onFenced?.();
    if (output.isComplete()) finish();
    if (word === "fenced") finish("another process of the job has taken the session over");
  }

  function onHello(start: LinkStart): void {
    if (progress.isStarted) logger.info("reconnected to the job's pod");
    progress.isStarted = true;
    for (const line of outbox.waiting()) bridge?.write(line);
    isReady = true;
    started.resolve(start);
  }

  async function connect(): Promise<ExecEnd> {
    const onFault = (why: string) => finish(`the connection to the pod was given up: ${why}`);
    bridge = await openBridge({ ...options, owner, offset: output.offset, onOutput, onLine, onFault });
    const end = await bridge.ended;
    isReady = false;
    return end;
  }

  function finish(why?: string): void {
    reason ??= why;
    closing.abort();
    bridge?.close();
    started.reject(new Error(why ?? "the connection to the pod was closed"));
    ended.resolve();
  }

  const link: Link = {
    started: started.promise,
    ended: ended.promise,
    get reason() {
      return reason;
    },
    get failure() {
      return progress.failure;
    },
    onData: () => {},
    get nextStep() {
      return outbox.next;
    },
    begin: () =>
      void (connecting ??= keepConnected(options, { connect, progress, signal: closing.signal }).then(
        finish,
      )),
    keep: (kept) => void (output.kept = kept),
    send(step) {
      link.begin();
      const line = outbox.add(step);
      if (isReady) bridge?.write(line);
    },
    giveUp: (why) => finish(why),
    close: () => finish(),
  };
  if (!continued) link.begin();
  return link;
}

/** How far a terminal's output has been received. */
function createOutputOffset(first: number) {
  let acked = first;
  const output = {
    offset: first,
    /** The output from here on may be read again. */
    kept: undefined as number | undefined,
    /** Length of the whole output, set after its end. */
    total: undefined as number | undefined,
    receive: (bytes: number) => void (output.offset += bytes),
    /** Returns the step that acknowledges the output, when one is due. */
    takeAck(): string | undefined {
      const { offset, kept = offset } = output;
      if (offset - acked < ackBytes) return undefined;
      acked = offset;
      return `ack ${offset} ${kept}`;
    },
    isComplete: () => output.total !== undefined && output.offset >= output.total,
  };
  return output;
}

/** The state of the connection attempts. */
interface Progress {
  /** Whether a connection has been established at least once. */
  isStarted: boolean;
  /** Time of the last line of the pod's helper. */
  connectedAt: number;
  failure: string;
}

function createProgress(isStarted: boolean): Progress {
  return { isStarted, connectedAt: performance.now(), failure: "no attempt has ended yet" };
}

/** Reconnects until the signal aborts. Resolves to the reason when reconnecting is useless. */
async function keepConnected(
  { findPodEnd, logger, lostTimeoutMs }: LinkOptions,
  { connect, progress, signal }: { connect: () => Promise<ExecEnd>; progress: Progress; signal: AbortSignal },
): Promise<string | undefined> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const before = progress.connectedAt;
    const end = await connect().catch(toBroken);
    if (signal.aborted) return undefined;
    if (progress.connectedAt !== before) failures = 0;
    progress.failure = end.kind === "exited" ? `its command exited with ${end.code}` : end.message;
    if (progress.isStarted) {
      if (failures === 0) logger.warn(`connection to the job's pod lost: ${progress.failure}; reconnecting`);
      const podEnd = await findPodEnd();
      if (podEnd !== undefined) return podEnd;
      if (performance.now() - progress.connectedAt > lostTimeoutMs)
        return `the pod could not be reached for ${Math.round(lostTimeoutMs / 1000)} s: ${progress.failure}`;
    } else if (isForbidden(end)) return progress.failure;
    const pause = progress.isStarted
      ? Math.min(3000, firstPauseMs * 1.5 ** Math.min(failures, 12))
      : firstPauseMs;
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

function toBroken(error: unknown): ExecEnd {
  return { kind: "broken", message: String(error) };
}
