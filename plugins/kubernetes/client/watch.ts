import type { Client } from "./client.ts";
import { ApiError } from "./api-error.ts";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** The server ends a watch after this time; one that lasts longer has lost its connection without a sign. */
const watchSeconds = 50;

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
    const event = JSON.parse(line) as
      | WatchEvent<T>
      | { type: "ERROR"; object: { code?: number; message?: string } };
    if (event.type === "ERROR")
      throw new ApiError(event.object.code ?? 500, "WatchFailed", event.object.message ?? "the watch failed");
    yield event;
  }
}

async function* readLines(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
}
