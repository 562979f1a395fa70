import { timingSafeEqual } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { createLineReader, type ToAgent, type ToJob, wireVersion } from "./messages.ts";

export interface ControlSocketOptions {
  /** Not more than 107 bytes long. */
  readonly path: string;
  readonly secret: string;
  readonly onCommand: (command: "stop" | "kill" | "leave") => void;
  /** Called when the first agent is there, and when the last has gone. */
  readonly onClaimed: (isClaimed: boolean) => void;
}

/** Where agents reach a job's process. Only who knows the secret is heard, and told anything. */
export interface ControlSocket extends Disposable {
  /** Says it to every agent. `more` is not said again to one that has not read the last one. */
  tell(message: ToAgent): void;
}

interface Client {
  isKnown: boolean;
  readonly read: (bytes: Uint8Array) => void;
}

export function listenForAgents(options: ControlSocketOptions): ControlSocket {
  const { path, secret, onCommand, onClaimed } = options;
  const known = new Set<Bun.Socket<Client>>();
  let isDue = false;

  rmSync(path, { force: true });
  const server = Bun.listen<Client>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = {
          isKnown: false,
          read: createLineReader<ToJob>((message) => hear(socket, message)),
        };
      },
      data: (socket, bytes) => socket.data.read(bytes),
      close: forget,
      error: forget,
    },
  });
  chmodSync(path, 0o600);

  function hear(socket: Bun.Socket<Client>, message: ToJob): void {
    if ("hello" in message) {
      if (!isEqual(message.hello, secret)) return void socket.end();
      if (message.version !== wireVersion) {
        say(socket, { is: "refused", version: wireVersion });
        return void socket.end();
      }
      socket.data.isKnown = true;
      known.add(socket);
      say(socket, { is: "welcome", version: wireVersion });
      if (known.size === 1) onClaimed(true);
    } else if (socket.data.isKnown) {
      say(socket, { is: "heard" });
      onCommand(message.do);
    }
  }

  function forget(socket: Bun.Socket<Client>): void {
    if (known.delete(socket) && known.size === 0) onClaimed(false);
  }

  return {
    tell(message) {
      if (message.is !== "more") {
        for (const socket of known) say(socket, message);
      } else if (!isDue && known.size > 0) {
        // One wake-up for all that is appended in this turn.
        isDue = true;
        setImmediate(() => {
          isDue = false;
          for (const socket of known) say(socket, message);
        });
      }
    },
    [Symbol.dispose]() {
      server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

/** A message that finds the socket's buffer full is dropped: then there are wake-ups enough in it. */
function say(socket: Bun.Socket<Client>, message: ToAgent): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

function isEqual(a: unknown, b: string): boolean {
  const left = Buffer.from(String(a));
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
