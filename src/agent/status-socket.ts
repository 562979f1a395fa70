import { join } from "node:path";
import { toMessage } from "../core/errors.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { openSocketPath, pinSocket, restrictSocket } from "../os/network/socket-path.ts";
import { removeEntry } from "../os/state/file.ts";
import type { AgentStatus } from "../core/contracts/agent-status.ts";
import type { StatusBoard } from "./status-board.ts";

const socketName = "status.sock";
const silenceSeconds = 5;

/**
 * Answers each client that sends a line with the agent's status, as one JSON document, and closes the
 * connection. The socket is in the agent's directory, which only its user can enter. A socket that cannot be
 * opened is logged, and the agent continues without it.
 */
export function serveStatus(options: {
  directory: string;
  status: Pick<StatusBoard, "read">;
  logger: Logger;
}): Disposable {
  const { directory, status, logger } = options;
  const cleanup = new DisposableStack();
  try {
    const path = cleanup.use(openSocketPath(directory, socketName));
    // The directory is locked, so that an existing socket belongs to a dead process.
    removeEntry(join(directory, socketName));
    const server = Bun.listen<Answer>({
      unix: path.value,
      socket: {
        open(socket) {
          socket.timeout(silenceSeconds);
          socket.data = {};
        },
        // Answered on data and not on open: Bun reports a connection that is closed at once as failed.
        data(socket) {
          socket.data.rest ??= Buffer.from(`${JSON.stringify(status.read())}\n`);
          send(socket);
        },
        drain: send,
        timeout: (socket) => void socket.end(),
        error: () => {},
      },
    });
    restrictSocket(join(directory, socketName));
    cleanup.defer(() => {
      server.stop(true);
      try {
        removeEntry(join(directory, socketName));
      } catch {
        // The next agent process removes it.
      }
    });
  } catch (error) {
    logger.warn(
      `status socket could not be opened, "signalman status" cannot reach this agent: ${toMessage(error)}`,
    );
  }
  return cleanup;
}

/**
 * `absent`: no agent runs there. `silent`: an agent may run there, but could not be reached or sent no valid
 * answer.
 */
export type StatusAnswer =
  | { readonly kind: "status"; readonly status: AgentStatus }
  | { readonly kind: "absent" }
  | { readonly kind: "silent"; readonly reason: string };

/** Asks the agent of a state directory for its status. */
export async function askStatus(directory: string, timeoutMs: number): Promise<StatusAnswer> {
  const over = Promise.withResolvers<string>();
  const timer = setTimeout(() => over.resolve(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
  let text = "";
  try {
    using pinned = pinSocket(join(directory, socketName));
    const decoder = new TextDecoder();
    using socket = await Bun.connect({
      unix: pinned.path,
      socket: {
        data(_, bytes) {
          text += decoder.decode(bytes, { stream: true });
          if (text.length > maxAnswerLength) over.resolve("its answer is too long");
        },
        close: () => over.resolve("the connection was closed"),
        error: (_, error) => over.resolve(error.message),
      },
    });
    socket.write("status\n");
    const reason = await over.promise;
    const status = text.length > maxAnswerLength ? undefined : parseStatus(text);
    return status ? { kind: "status", status } : { kind: "silent", reason };
  } catch (error) {
    const { code } = Object(error) as { code?: string };
    if (absence.has(code ?? "")) return { kind: "absent" };
    return {
      kind: "silent",
      reason: code === "EACCES" ? "this user has no access to its socket" : toMessage(error),
    };
  } finally {
    clearTimeout(timer);
  }
}

const maxAnswerLength = 16 * 2 ** 20;

/** No socket, the socket of a dead agent, no directory. */
const absence = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"]);

/** Accepts the status of any version: further fields are kept, and the fields that every version has are required. */
function parseStatus(text: string): AgentStatus | undefined {
  try {
    const value = JSON.parse(text) as AgentStatus | null;
    const isStatus =
      Array.isArray(value?.slots) && value.slots.every((slot) => typeof slot === "object" && slot);
    return isStatus ? value : undefined;
  } catch {
    return undefined;
  }
}

interface Answer {
  /** The bytes that remain to be sent; left out before the request. */
  rest?: Buffer;
}

/** Sends as much as the socket accepts; a long answer needs several calls. */
function send(socket: Bun.Socket<Answer>): void {
  const { rest } = socket.data;
  if (rest === undefined) return;
  socket.data.rest = rest.subarray(Math.max(0, socket.write(rest)));
  if (socket.data.rest.length === 0) socket.end();
}
