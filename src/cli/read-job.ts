import { toSize } from "../core/amounts.ts";
import { open } from "node:fs/promises";
import { AgentError, toMessage } from "../core/errors.ts";
import { parseJobRequest, type ParsedJob } from "../job/request/parse.ts";

export interface ReadJobOptions {
  /** In bytes; 64 MiB by default. */
  readonly limitBytes?: number;
}

/** Reads and parses the job request that `signalman run` was given: a path, or `-` for standard input. */
export async function loadJob(path: string, options: ReadJobOptions = {}): Promise<ParsedJob> {
  return await parseJobRequest(await readJobText(path, options), { name: sourceName(path) });
}

/** The text of a job request. Reads no more than the limit, also from what never ends. */
export async function readJobText(path: string, options: ReadJobOptions = {}): Promise<string> {
  const { limitBytes = 64 * 1024 * 1024 } = options;
  const name = sourceName(path);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of path === "-" ? Bun.stdin.stream() : readFile(path)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limitBytes) break;
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  if (length > limitBytes) {
    throw new AgentError(
      "JOB_INVALID",
      `"${name}" is larger than ${toSize(limitBytes, 0)}, the limit of a job request`,
    );
  }
  return toText(Buffer.concat(chunks), name);
}

function sourceName(path: string): string {
  return path === "-" ? "standard input" : path;
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r");
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(256 * 1024));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function unreadable(name: string, error: unknown): AgentError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `there is no file "${name}": expected a job request, or "-" for standard input`,
    EISDIR: `"${name}" is a directory: expected a file with a job request`,
    ENOTDIR: `there is no file "${name}": a part of its path is not a directory`,
    EACCES: `"${name}" may not be read by this user`,
  };
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new AgentError("JOB_UNREADABLE", reasons[code] ?? `"${name}" cannot be read: ${toMessage(error)}`, {
    cause: error,
  });
}

function toText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AgentError(
      "JOB_INVALID",
      `"${name}" is not text: expected a job request in YAML or JSON, in UTF-8`,
      { cause: error },
    );
  }
}
