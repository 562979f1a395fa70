import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError, toMessage } from "../errors.ts";
import type { LoggerSink } from "./logger.ts";

/** The agent's log file: appended to, kept, shared by the agents of a host if they like (protocol section 8.6). */
export interface LogFile extends LoggerSink, Disposable {}

/**
 * Opens it (0644), and makes the directories that lead to it (0755). The default path lies in a directory that everybody may
 * write to, so a link there is refused. Throws `FILE_FAILED`. A write that fails later is said once, on stderr.
 */
export function openLogFile(path: string): LogFile {
  let descriptor: number | undefined = open(path);
  let failing = false;
  return {
    write(line) {
      if (descriptor === undefined) return;
      try {
        writeSync(descriptor, line);
        failing = false;
      } catch (error) {
        if (!failing) process.stderr.write(`cannot write the log file "${path}": ${toMessage(error)}\n`);
        failing = true;
      }
    },
    [Symbol.dispose]() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

// Without O_NONBLOCK a FIFO that nobody reads would hold the agent here for ever.
const flags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function open(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return openSync(path, flags, 0o644);
  } catch (error) {
    throw new AgentError("FILE_FAILED", `cannot open the log file "${path}": ${toReason(error)}`, {
      cause: error,
    });
  }
}

function toReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ELOOP":
      return "it is a symbolic link, which is not followed; give the path that it leads to";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "this user may not write it; give another with --log-file-path";
    case "EISDIR":
      return "it is a directory; give the path of a file";
    case "ENOTDIR":
    case "EEXIST":
      return "something on the way to it is not a directory";
    case "ENXIO":
      return "it is a pipe that nobody reads";
    default:
      return toMessage(error);
  }
}
