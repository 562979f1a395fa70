import { toSize } from "../../core/text/amounts.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { parseJobRequest, type ParsedJob } from "../../job/request/parse.ts";

export interface ReadJobOptions {
  /** Largest accepted size, in bytes. Default: 64 MiB. */
  readonly limitBytes?: number;
}

/** Reads and parses a job file. `path`: a file, or `-` for standard input. */
export async function loadJob(path: string, options: ReadJobOptions = {}): Promise<ParsedJob> {
  return await parseJobRequest(await readJobText(path, options), {
    name: path === "-" ? "standard input" : path,
  });
}

/** Reads the text of a job file, at most up to the limit, so that an endless input is refused as well. */
export async function readJobText(path: string, options: ReadJobOptions = {}): Promise<string> {
  const { limitBytes = 64 * 1024 * 1024 } = options;
  const title = path === "-" ? "standard input" : `job file "${path}"`;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of path === "-" ? Bun.stdin.stream() : readFile(path)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limitBytes) break;
    }
  } catch (error) {
    throw unreadable(title, error);
  }
  if (length > limitBytes) {
    throw new AgentError(
      "JOB_INVALID",
      `${title} is larger than ${toSize(limitBytes, 0)}, the limit for a job file`,
    );
  }
  return toText(Buffer.concat(chunks), title);
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  // The SDK has this file, and every start of the program would load the module: a millisecond.
  const { open } = await import("node:fs/promises");
  await using file = await open(path, "r");
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(256 * 1024));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function unreadable(title: string, error: unknown): AgentError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `${title} not found`,
    EISDIR: `${title} is a directory: expected a file`,
    ENOTDIR: `${title} not found: a part of its path is not a directory`,
    EACCES: `${title} cannot be read: permission denied`,
  };
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new AgentError("JOB_UNREADABLE", reasons[code] ?? `${title} cannot be read: ${toMessage(error)}`, {
    cause: error,
  });
}

function toText(bytes: Uint8Array, title: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AgentError("JOB_INVALID", `${title} is not text: expected YAML or JSON in UTF-8`, {
      cause: error,
    });
  }
}
