import { toMessage, createTextStart, onAbort, type TerminalSize } from "signalman";
import { isApiError } from "./api-error.ts";
import { type Client, toUrl } from "./client.ts";
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

/** How an exec ended: the command exited, could not be started, or lost its connection. */
export type ExecEnd =
  | { readonly kind: "exited"; readonly code: number; readonly message: string }
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  | { readonly kind: "broken"; readonly message: string };

/** Whether the server refused the agent itself. */
export function isForbidden(end: ExecEnd): boolean {
  return end.kind === "refused" && (end.status === 401 || end.status === 403);
}

/** A command in a container that is connected over one WebSocket. */
export interface Exec {
  /** Resolves when the connection is established or has failed. */
  readonly opened: Promise<void>;
  /** Never rejects. */
  readonly ended: Promise<ExecEnd>;
  /** Whether the connection is established. */
  readonly isOpen: boolean;
  /** Number of bytes in the send buffer. */
  readonly buffered: number;
  write(bytes: Uint8Array): void;
  /** Changes the size of the terminal. */
  resize(size: TerminalSize): void;
  /** Closes the connection, and with it the command's standard input. */
  close(): void;
}

/** Channels of the protocol `v5.channel.k8s.io`: the first byte of every message. */
const stdin = 0;
const stdout = 1;
const stderr = 2;
const status = 3;
const resize = 4;

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
  return createExec(socket, options, () => findRefusal(client, url));
}

/**
 * Runs a command in a container and resolves to its output. After 1 MiB of output, the connection is closed.
 */
export async function capture(
  client: Client,
  options: CaptureOptions,
): Promise<{ readonly end: ExecEnd; readonly stdout: string }> {
  const { signal, ...rest } = options;
  const output = createTextStart(maxBytes);
  signal?.throwIfAborted();
  const exec = await startExec(client, {
    ...rest,
    onStdout(bytes) {
      output.add(bytes);
      if (output.isCut) exec.close();
    },
  });
  using _listener = onAbort(signal, () => exec.close());
  const end = await exec.ended;
  signal?.throwIfAborted();
  return { end, stdout: output.text };
}

/**
 * Finds the server's reason for a refused WebSocket, which does not expose it, by the same request as plain
 * HTTP.
 */
async function findRefusal(client: Client, url: URL): Promise<string | undefined> {
  try {
    const path = url.pathname.slice(new URL(client.connection.server).pathname.replace(/\/$/, "").length);
    await client.call("GET", `${path}${url.search}`, { retryMs: 0 });
    return undefined;
  } catch (error) {
    return isApiError(error) && error.status !== 0 ? error.message : undefined;
  }
}

function createExec(
  socket: WebSocket,
  { onStdout, onStderr = () => {} }: ExecOptions,
  findRefusal: () => Promise<string | undefined>,
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
    // A server error only means that the container does not run yet.
    const why = code < 500 ? await findRefusal() : undefined;
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
    resize({ rows, columns }) {
      const size = JSON.stringify({ Width: columns, Height: rows });
      if (isOpen && !isOver) socket.send(Buffer.concat([Uint8Array.of(resize), Buffer.from(size)]));
    },
    close: () => finish({ kind: "broken", message: "closed" }),
  };
}

/** Parses the last message of an exec: a `Status` with the exit code as a cause. */
function toEnd(text: string): ExecEnd {
  try {
    const result = JSON.parse(text) as {
      status?: string;
      message?: string;
      reason?: string;
      code?: number;
      details?: { causes?: readonly { reason?: string; message?: string }[] };
    };
    if (result.status === "Success") return { kind: "exited", code: 0, message: "" };
    const cause = result.details?.causes?.find(({ reason }) => reason === "ExitCode");
    const message = result.message ?? text;
    return cause
      ? { kind: "exited", code: Number(cause.message), message }
      : { kind: "refused", status: result.code ?? 500, message };
  } catch (error) {
    return { kind: "broken", message: toMessage(error) };
  }
}

const maxBytes = 1024 * 1024;

interface CaptureOptions {
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly signal?: AbortSignal;
}
