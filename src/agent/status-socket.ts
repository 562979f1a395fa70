import { closeSync, constants, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toMessage } from "../errors.ts";
import type { Logger } from "../logger/logger.ts";
import type { AgentStatus, StatusBoard } from "./status.ts";

const socketName = "status.sock";
const silenceSeconds = 5;
/** A socket's path has at most so many bytes. */
const longestPath = 107;

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
    const path = cleanup.use(openSocketPath(directory));
    // The folder is locked: whoever left this one is gone.
    rmSync(join(directory, socketName), { force: true });
    const server = Bun.listen({
      unix: path.value,
      socket: {
        open: (socket) => socket.timeout(silenceSeconds),
        // Not before it has spoken: Bun takes a connection that is closed at once for one that failed.
        data: (socket) => void socket.end(`${JSON.stringify(status.read())}\n`),
        timeout: (socket) => void socket.end(),
        error: () => {},
      },
    });
    cleanup.defer(() => {
      server.stop(true);
      rmSync(join(directory, socketName), { force: true });
    });
  } catch (error) {
    logger.warn(`"signalman status" cannot reach this agent: ${toMessage(error)}`);
  }
  return cleanup;
}

/** Asks the agent that works in this folder. `undefined`: none does, or it does not answer in time. */
export async function askStatus(directory: string, timeoutMs: number): Promise<AgentStatus | undefined> {
  const answered = Promise.withResolvers<void>();
  const timer = setTimeout(answered.resolve, timeoutMs);
  let text = "";
  try {
    using path = openSocketPath(directory);
    const decoder = new TextDecoder();
    using socket = await Bun.connect({
      unix: path.value,
      socket: {
        data: (_, bytes) => void (text += decoder.decode(bytes, { stream: true })),
        close: () => answered.resolve(),
        error: () => answered.resolve(),
      },
    });
    socket.write("status\n");
    await answered.promise;
    return JSON.parse(text) as AgentStatus;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** A folder's path may be too long for a socket; by way of an open descriptor it never is. */
function openSocketPath(directory: string): Disposable & { readonly value: string } {
  const plain = join(directory, socketName);
  if (Buffer.byteLength(plain) <= longestPath) return { value: plain, [Symbol.dispose]: () => {} };
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { value: `/proc/self/fd/${fd}/${socketName}`, [Symbol.dispose]: () => closeSync(fd) };
}
