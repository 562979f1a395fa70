import { toMessage } from "signalman";
import { isApiError } from "./api-error.ts";
import type { Client } from "./client.ts";
import { toUrl } from "./client.ts";
import { toPath } from "./resources.ts";

export interface ExecOptions {
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly isTerminal?: boolean;
  /** The bytes are only valid during the call. */
  readonly onStdout: (bytes: Uint8Array) => void;
  readonly onStderr?: (bytes: Uint8Array) => void;
}

/** How an exec ended: with the command's exit code, or because it could not start, or its connection broke. */
export type ExecEnd =
  | { readonly kind: "exited"; readonly code: number; readonly message: string }
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  | { readonly kind: "broken"; readonly message: string };

/** A command in a container, over one WebSocket. */
export interface Exec {
  /** Resolves when the connection stands, or has ended without. */
  readonly opened: Promise<void>;
  /** Never rejects. */
  readonly ended: Promise<ExecEnd>;
  /** The connection stands. */
  readonly isOpen: boolean;
  /** Bytes that wait to be sent. */
  readonly buffered: number;
  write(bytes: Uint8Array): void;
  /** Ends the connection; what runs loses its standard input. */
  close(): void;
}

/** Channels of the protocol `v5.channel.k8s.io`: the first byte of every message. */
const stdin = 0;
const stdout = 1;
const stderr = 2;
const status = 3;

const connectMs = 15_000;

export async function startExec(client: Client, options: ExecOptions): Promise<Exec> {
  const { connection } = client;
  const { headers, tls, proxy } = await connection.authorize();
  const url = toUrl(connection, `${toPath(client, "pods", options.pod)}/exec`, {
    container: options.container,
    stdin: true,
    stdout: true,
    stderr: !options.isTerminal,
    tty: options.isTerminal ?? false,
  });
  for (const word of options.command) url.searchParams.append("command", word);
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  const socket = new WebSocket(url, {
    headers: { ...headers },
    protocols: ["v5.channel.k8s.io", "v4.channel.k8s.io"],
    tls,
    ...(proxy !== undefined && { proxy }),
  });
  return wire(socket, options, () => askWhy(client, url));
}

/** The server's own reason for refusing a connection, which a WebSocket does not show: the same request is made without one. */
async function askWhy(client: Client, url: URL): Promise<string | undefined> {
  try {
    const path = url.pathname.slice(new URL(client.connection.server).pathname.replace(/\/$/, "").length);
    await client.call("GET", `${path}${url.search}`, { retryMs: 0 });
    return undefined;
  } catch (error) {
    return isApiError(error) && error.status !== 0 ? error.message : undefined;
  }
}

function wire(
  socket: WebSocket,
  { onStdout, onStderr = () => {} }: ExecOptions,
  askWhy: () => Promise<string | undefined>,
): Exec {
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<ExecEnd>();
  let isOpen = false;
  let isOver = false;
  let isRefused = false;
  let end: ExecEnd | undefined;
  const finish = (last: ExecEnd) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    opened.resolve();
    ended.resolve(last);
    socket.terminate();
  };
  const timer = setTimeout(() => finish({ kind: "broken", message: "no connection within 15 s" }), connectMs);

  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    clearTimeout(timer);
    isOpen = true;
    opened.resolve();
  });
  socket.addEventListener("message", ({ data }) => {
    const bytes = typeof data === "string" ? Buffer.from(data) : new Uint8Array(data as ArrayBuffer);
    if (isOver || bytes.length < 2) return;
    const [channel] = bytes;
    const rest = bytes.subarray(1);
    if (channel === stdout) onStdout(rest);
    else if (channel === stderr) onStderr(rest);
    else if (channel === status) end = toEnd(Buffer.from(rest).toString());
  });
  socket.addEventListener("error", (event) => {
    const message = "message" in event ? String(event.message) : "the connection failed";
    const code = Number(/status code: (\d+)/.exec(message)?.[1]);
    if (isOpen || !(code >= 400)) return finish(end ?? { kind: "broken", message });
    isRefused = true;
    void refuse(code, message);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    if (!isRefused)
      finish(end ?? { kind: "broken", message: reason || `the connection was closed (${code})` });
  });

  async function refuse(code: number, message: string): Promise<void> {
    // A server's fault is that of a container which is not there yet.
    const why = code < 500 ? await askWhy() : undefined;
    finish({ kind: "refused", status: code, message: why ?? message });
  }

  return {
    opened: opened.promise,
    ended: ended.promise,
    get isOpen() {
      return isOpen && !isOver;
    },
    get buffered() {
      return socket.bufferedAmount;
    },
    write(bytes) {
      if (isOpen && !isOver) socket.send(Buffer.concat([Uint8Array.of(stdin), bytes]));
    },
    close: () => finish({ kind: "broken", message: "closed" }),
  };
}

/** Reads the last message of an exec: a `Status` with the exit code as a cause. */
function toEnd(text: string): ExecEnd {
  try {
    const said = JSON.parse(text) as {
      status?: string;
      message?: string;
      reason?: string;
      code?: number;
      details?: { causes?: readonly { reason?: string; message?: string }[] };
    };
    if (said.status === "Success") return { kind: "exited", code: 0, message: "" };
    const cause = said.details?.causes?.find(({ reason }) => reason === "ExitCode");
    const message = said.message ?? text;
    return cause
      ? { kind: "exited", code: Number(cause.message), message }
      : { kind: "refused", status: said.code ?? 500, message };
  } catch (error) {
    return { kind: "broken", message: toMessage(error) };
  }
}
