import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toMessage } from "../core/errors.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { openSocketPath } from "../os/socket-path.ts";
import type { AgentStatus } from "../core/contracts/agent-status.ts";
import type { StatusBoard } from "./status-board.ts";

const socketName = "status.sock";
const silenceSeconds = 5;

/**
 * Tells whoever connects and sends a line how the agent stands, as one JSON document, and hangs up. The socket lies in the agent's folder, which only its user can
 * enter. An agent lives without it: what keeps it from listening is said once.
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
    // The folder is locked: whoever left this one is gone.
    rmSync(join(directory, socketName), { force: true });
    const server = Bun.listen<Answer>({
      unix: path.value,
      socket: {
        open(socket) {
          socket.timeout(silenceSeconds);
          socket.data = {};
        },
        // Not before it has spoken: Bun takes a connection that is closed at once for one that failed.
        data(socket) {
          socket.data.rest ??= Buffer.from(`${JSON.stringify(status.read())}\n`);
          send(socket);
        },
        drain: send,
        timeout: (socket) => void socket.end(),
        error: () => {},
      },
    });
    chmodSync(join(directory, socketName), 0o600);
    cleanup.defer(() => {
      server.stop(true);
      try {
        rmSync(join(directory, socketName), { force: true });
      } catch {
        // Whoever comes next removes it.
      }
    });
  } catch (error) {
    logger.warn(`"signalman status" cannot reach this agent: ${toMessage(error)}`);
  }
  return cleanup;
}

/** What came of asking. `absent`: nobody works there. `silent`: somebody may, and could not be asked, or gave no answer that is understood. */
export type StatusAnswer =
  | { readonly kind: "status"; readonly status: AgentStatus }
  | { readonly kind: "absent" }
  | { readonly kind: "silent"; readonly reason: string };

/** Asks the agent that works in this folder. */
export async function askStatus(directory: string, timeoutMs: number): Promise<StatusAnswer> {
  const over = Promise.withResolvers<string>();
  const timer = setTimeout(() => over.resolve(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
  let text = "";
  try {
    using path = openSocketPath(directory, socketName);
    const decoder = new TextDecoder();
    using socket = await Bun.connect({
      unix: path.value,
      socket: {
        data: (_, bytes) => void (text += decoder.decode(bytes, { stream: true })),
        close: () => over.resolve("it hung up"),
        error: (_, error) => over.resolve(error.message),
      },
    });
    socket.write("status\n");
    const reason = await over.promise;
    const status = parseStatus(text);
    return status ? { kind: "status", status } : { kind: "silent", reason };
  } catch (error) {
    const { code } = Object(error) as { code?: string };
    if (absence.has(code ?? "")) return { kind: "absent" };
    return { kind: "silent", reason: code === "EACCES" ? "this user may not ask it" : toMessage(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** No socket, one that a dead agent has left, no folder. */
const absence = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"]);

/** Of any version: what is more is let through, and what every version says must be there. */
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
  /** What is still to be sent; left out before it was asked. */
  rest?: Buffer;
}

/** The system takes a long answer in pieces. */
function send(socket: Bun.Socket<Answer>): void {
  const { rest } = socket.data;
  if (rest === undefined) return;
  socket.data.rest = rest.subarray(Math.max(0, socket.write(rest)));
  if (socket.data.rest.length === 0) socket.end();
}
