import { parseBoundedJson } from "signalman/http";
import { createBoundedLineReader } from "signalman/executor";
import { ApiError, unreachable } from "./api-error.ts";
import type { Client } from "./client.ts";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** The server ends a watch after this time; one that lasts longer has lost its connection without a sign. */
const watchSeconds = 50;

/** A pod has at most 1.5 MB in the server's store, and is larger as JSON. */
const lineBytes = 16 * 1024 * 1024;

/** The changes of a list, from now on; a watch without `resourceVersion` begins with what there is. Ends when the server closes it. */
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
    // Leaving the loop closes the connection.
    if (isTooLong)
      throw new ApiError(0, unreachable, `the API server sent a line of more than ${lineBytes} bytes`);
  }
}
