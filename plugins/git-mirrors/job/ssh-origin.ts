import { kill } from "node:process";
import { onAbort } from "signalman";
import type { Origin } from "../origin.ts";
import { createPacketReader, type Packet, type PacketReader, toText } from "../protocol/packets.ts";

/** A connection to the origin's `git upload-pack`, which has accepted the job's credentials. */
export interface SshOrigin extends Disposable {
  /** The capabilities that it has announced, flush included. */
  readonly announced: readonly Packet[];
  readonly packets: PacketReader;
  send(bytes: Uint8Array): Promise<void>;
}

/** Connects with the job's key. Rejects when the origin refuses, is not reached, or does not speak version 2. */
export async function openSshOrigin(
  words: readonly string[],
  { host, port, path }: Origin,
  signal: AbortSignal,
): Promise<SshOrigin> {
  const destination = [...(port === "" ? [] : ["-p", port]), "-o", "SendEnv=GIT_PROTOCOL", "--", host];
  const ssh = Bun.spawn([...words, ...destination, `git-upload-pack '${path}'`], {
    env: { PATH: process.env["PATH"] ?? "", GIT_PROTOCOL: "version=2", LC_ALL: "C" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const end = (): void => {
    try {
      kill(-ssh.pid, "SIGKILL");
    } catch {
      // It has exited already.
    }
  };
  const aborted = onAbort(signal, end);
  const errors = readStart(ssh.stderr).catch(() => "");
  const packets = createPacketReader(ssh.stdout);
  try {
    return {
      announced: await readAnnouncement(packets),
      packets,
      async send(bytes) {
        await ssh.stdin.write(bytes);
        await ssh.stdin.flush();
      },
      [Symbol.dispose]() {
        aborted[Symbol.dispose]();
        end();
      },
    };
  } catch (error) {
    aborted[Symbol.dispose]();
    end();
    const said = (await errors).trim().split("\n").at(-1);
    throw new Error(`the origin does not answer the job's key: ${said || (error as Error).message}`, {
      cause: error,
    });
  }
}

async function readAnnouncement(packets: PacketReader): Promise<readonly Packet[]> {
  const read: Packet[] = [];
  for (;;) {
    const packet = await packets.next();
    if (packet === undefined) throw new Error("it has closed the connection");
    read.push(packet);
    if (read.length === 1 && toText(packet) !== "version 2")
      throw new Error("it does not speak version 2 of git's protocol");
    if (read.length > mostCapabilities) throw new Error("it announces too much");
    if (packet.kind === "flush") break;
  }
  if (read.some((packet) => /^object-format=(?!sha1$)/.test(toText(packet))))
    throw new Error("its objects are not named by SHA-1");
  return read;
}

/** Reads to the end and keeps the beginning. */
async function readStart(stream: ReadableStream<Uint8Array>): Promise<string> {
  let kept = "";
  for await (const piece of stream) if (kept.length < 4096) kept += Buffer.from(piece).toString();
  return kept;
}

const mostCapabilities = 100;
