import { parseBoundedJson } from "signalman";
import { createBoundedLineReader } from "signalman/executor";
import { ApiError, unreachable } from "./api-error.ts";
import type { Client } from "./client.ts";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** Time after which the server ends a watch. A longer one has lost its connection. */
const watchSeconds = 50;

/** A pod has at most 1.5 MB in etcd, and is larger as JSON. */
const lineBytes = 16 * 1024 * 1024;

/**
 * Yields the changes of a list until the server ends the watch. Without `resourceVersion`, it begins with the
 * existing objects.
 */
export async function* watch<T>(
  client: Client,
  path: string,
  options: {
    readonly fieldSelector: string;
    readonly resourceVersion?: string | undefined;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<WatchEvent<T>> {
  const { signal: stop, ...query } = options;
  const signal = AbortSignal.any([stop, AbortSignal.timeout((watchSeconds + 10) * 1000)]);
  const response = await client.open(path, {
    query: { ...query, watch: true, timeoutSeconds: watchSeconds },
    signal,
  });
  for await (const line of readLines(response)) {
    const event = parseBoundedJson(line) as
      | WatchEvent<T>
      | { type: "ERROR"; object: { code?: number; message?: string } };
    if (event.type === "ERROR")
      throw new ApiError(event.object.code ?? 500, "WatchFailed", event.object.message ?? "the watch failed");
    yield event;
  }
}

async function* readLines(response: Response): AsyncGenerator<string> {
  let lines: string[] = [];
  let isTooLong = false;
  const read = createBoundedLineReader({
    maxBytes: lineBytes,
    onLine: (line) => void lines.push(line),
    onTooLong: () => (isTooLong = true),
  });
  for await (const chunk of response.body ?? []) {
    read(chunk);
    for (const line of lines) if (line !== "") yield line;
    lines = [];
    // A throw from the loop closes the connection.
    if (isTooLong)
      throw new ApiError(0, unreachable, `the API server sent a line of more than ${lineBytes} bytes`);
  }
}
