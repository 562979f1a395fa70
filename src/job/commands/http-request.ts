import {
  type JobMessage,
  type JobOutcome,
  jobMessagesVersion,
  maxMessageBytes,
  parseMessage,
} from "./messages.ts";

/** What a request on the job's socket asks for, once enough of it has arrived. */
export type HttpRequest =
  | { readonly is: "message"; readonly message: JobMessage }
  | { readonly is: "refused"; readonly status: string; readonly why: string };

export interface HttpReaderOptions {
  readonly onRequest: (request: HttpRequest) => void;
  /** Called when the client waits for this before it sends the body. */
  readonly onExpect: () => void;
}

/** Maximum size of a request's line and headers. */
const maxHeadBytes = 16 * 1024;
const headEnd = Buffer.from("\r\n\r\n");

/**
 * Reads one request of HTTP/1: `POST /<command>` with a JSON object as its body. Returns a function that takes
 * its bytes; what follows the request is ignored.
 */
export function createHttpReader({ onRequest, onExpect }: HttpReaderOptions): (bytes: Uint8Array) => void {
  let held = Buffer.alloc(0);
  let head: Head | undefined;
  let body = held;
  let size = 0;
  let isOver = false;

  function finish(request: HttpRequest): void {
    isOver = true;
    held = body = Buffer.alloc(0);
    onRequest(request);
  }

  /** Returns the bytes that follow the headers, once these are complete. */
  function takeHead(bytes: Uint8Array): Uint8Array | undefined {
    held = Buffer.concat([held, bytes]);
    const end = held.indexOf(headEnd);
    if (end > maxHeadBytes || (end < 0 && held.length > maxHeadBytes)) {
      const why = `the headers are longer than ${maxHeadBytes} bytes`;
      finish({ is: "refused", status: "431 Request Header Fields Too Large", why });
    }
    if (isOver || end < 0) return undefined;
    const found = parseHead(held.toString("latin1", 0, end));
    const rest = held.subarray(end + headEnd.length);
    if ("status" in found) return void finish({ is: "refused", ...found });
    head = found;
    held = body = Buffer.alloc(found.length);
    if (found.expects && rest.length < found.length) onExpect();
    return rest;
  }

  return (bytes) => {
    if (isOver) return;
    const rest = head === undefined ? takeHead(bytes) : bytes;
    if (head === undefined || rest === undefined) return;
    const part = rest.subarray(0, head.length - size);
    body.set(part, size);
    size += part.length;
    if (size < head.length) return;
    const given = { version: jobMessagesVersion, do: head.command };
    const message = parseMessage(body.toString() || "{}", given);
    if (typeof message !== "string") finish({ is: "message", message });
    else finish({ is: "refused", status: "400 Bad Request", why: message });
  };
}

/** Formats an outcome as a response, after which the connection is closed. */
export function toHttpResponse(outcome: JobOutcome): string {
  if (outcome.isDone) return toResponse("200 OK", outcome.json);
  const { code, why } = outcome;
  return toResponse(statuses[code], JSON.stringify({ code, error: why }));
}

/** Formats the response to a request that is not understood. */
export function toHttpRefusal({ status, why }: { readonly status: string; readonly why: string }): string {
  return toResponse(status, JSON.stringify({ code: "invalid", error: why }));
}

/** Invites the body of a request whose client waits for this. */
export const httpContinue = "HTTP/1.1 100 Continue\r\n\r\n";

const statuses = {
  refused: "422 Unprocessable Content",
  failed: "500 Internal Server Error",
  timeout: "504 Gateway Timeout",
  busy: "503 Service Unavailable",
  unknown: "404 Not Found",
  invalid: "400 Bad Request",
  ended: "410 Gone",
} as const;

interface Head {
  readonly command: string;
  /** Bytes of the body. */
  readonly length: number;
  /** Whether the client waits for an invitation to send the body. */
  readonly expects: boolean;
}

function parseHead(text: string): Head | { readonly status: string; readonly why: string } {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, target = "", version] = /^([A-Z]+) (\S+) HTTP\/(1\.[01])$/.exec(first) ?? [];
  if (version === undefined) return { status: "400 Bad Request", why: "the request is not HTTP/1.1" };
  if (method !== "POST")
    return { status: "405 Method Not Allowed", why: "a command is called with POST /<command>" };
  const headers = new Map(
    lines.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  const length = headers.get("content-length") ?? "0";
  if (headers.has("transfer-encoding") || !/^\d{1,15}$/.test(length))
    return { status: "411 Length Required", why: "the body needs a Content-Length" };
  if (Number(length) > maxMessageBytes)
    return { status: "413 Content Too Large", why: `a message is longer than ${maxMessageBytes} bytes` };
  const command = toCommand(target);
  if (command === undefined) return { status: "400 Bad Request", why: "the path is not /<command>" };
  return { command, length: Number(length), expects: headers.has("expect") };
}

/** Reads the command from a request's target, which may be a whole URL. */
function toCommand(target: string): string | undefined {
  const [path = ""] = target.replace(/^https?:\/\/[^/?]*/i, "").split("?");
  try {
    return decodeURIComponent(path.replace(/^\//, "")) || undefined;
  } catch {
    return undefined;
  }
}

function toResponse(status: string, json: string): string {
  const body = `${json}\n`;
  return [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status.startsWith("405") ? ["Allow: POST"] : []),
    ...(status.startsWith("503") ? ["Retry-After: 1"] : []),
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
