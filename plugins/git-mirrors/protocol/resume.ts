import { crc32 } from "node:zlib";
import { waitAtMost } from "signalman";
import { isPackData } from "./pack.ts";
import type { Packet, PacketReader } from "./packets.ts";

/**
 * Reads the origin's answer to a fetch. When it stops in the middle of the pack, the origin is asked `again`, once. The
 * answer goes on where it stopped if the second one begins with the same bytes, and fails otherwise.
 */
export function createResumingReader(
  packets: PacketReader,
  again: () => Promise<PacketReader>,
  silenceMs = defaultSilenceMs,
): PacketReader {
  const read = { bytes: 0, sum: 0 };
  let second: PacketReader | undefined;
  const skipped = { bytes: 0, sum: 0 };
  const readFirst = async (): Promise<Packet | undefined> => {
    const next = packets.next();
    if (read.bytes > 0) {
      const isThere = await waitAtMost(next, silenceMs).catch(() => false);
      const packet = isThere ? await next : undefined;
      if (packet === undefined) {
        second = await again();
        return keepAlive;
      }
    }
    const packet = await next;
    if (packet !== undefined && isPackData(packet)) add(read, packet.raw.subarray(headBytes));
    return packet;
  };
  const skip = async (from: PacketReader): Promise<Packet | undefined> => {
    const packet = await from.next();
    if (packet === undefined || packet.kind === "flush") throw new Error(different);
    if (!isPackData(packet)) return keepAlive;
    const data = packet.raw.subarray(headBytes);
    const known = data.subarray(0, read.bytes - skipped.bytes);
    add(skipped, known);
    if (skipped.bytes === read.bytes && skipped.sum !== read.sum) throw new Error(different);
    const rest = data.subarray(known.length);
    return rest.length === 0 ? keepAlive : toPackData(rest);
  };
  return {
    async next() {
      if (second === undefined) return readFirst();
      return skipped.bytes < read.bytes ? skip(second) : second.next();
    },
  };
}

function add(total: { bytes: number; sum: number }, data: Uint8Array): void {
  total.bytes += data.length;
  total.sum = crc32(data, total.sum);
}

function toPackData(data: Uint8Array): Packet {
  const raw = Buffer.alloc(headBytes + data.length);
  raw.write(`${raw.length.toString(16).padStart(4, "0")}\x01`);
  raw.set(data, headBytes);
  return { kind: "data", raw };
}

/** Length and band. */
const headBytes = 5;
/** git ignores it. */
const keepAlive = toPackData(new Uint8Array());
const different = "the answer stopped in the middle, and a second one was different";
/** Servers send something every few seconds. */
const defaultSilenceMs = 40_000;
