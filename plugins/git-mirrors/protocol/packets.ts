import { withDeadline } from "signalman";

/** A packet of git's protocol (`gitprotocol-common`). */
export interface Packet {
  readonly kind: "data" | "flush" | "delimiter" | "end";
  /** As it was received, with its length. */
  readonly raw: Buffer;
}

export interface PacketReader {
  /** Resolves to `undefined` at the end of the stream. Throws when it ends within a packet, or is no such stream. */
  next(): Promise<Packet | undefined>;
}

/** With `stallMs`, a packet that has begun must go on within that time. */
export function createPacketReader(source: AsyncIterable<Uint8Array>, stallMs?: number): PacketReader {
  const pieces = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  /** Resolves to whether `length` bytes are there. */
  const fill = async (length: number): Promise<boolean> => {
    const parts = [rest];
    let bytes = rest.length;
    while (bytes < length) {
      const arriving = pieces.next();
      const { value, done } =
        bytes === 0 || stallMs === undefined
          ? await arriving
          : await withDeadline(arriving, stallMs, toStall);
      if (done) break;
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      bytes += value.byteLength;
    }
    rest = parts.length === 1 ? rest : Buffer.concat(parts);
    return bytes >= length;
  };
  return {
    async next() {
      if (!(await fill(headBytes))) {
        if (rest.length > 0) throw new Error("the stream ends within a packet");
        return undefined;
      }
      const head = rest.toString("latin1", 0, headBytes);
      const length = /^[0-9a-f]{4}$/i.test(head) ? parseInt(head, 16) : NaN;
      const kind = kinds[length] ?? "data";
      if (Number.isNaN(length) || length === 3) throw new Error("the stream is not one of git packets");
      const size = kind === "data" ? length : headBytes;
      if (!(await fill(size))) throw new Error("the stream ends within a packet");
      const raw = rest.subarray(0, size);
      rest = rest.subarray(size);
      return { kind, raw };
    },
  };
}

/** Returns the text of a packet without its line feed. */
export function toText({ raw }: Packet): string {
  const text = raw.toString("utf8", headBytes);
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** Reads all packets of a body. */
export async function parsePackets(body: Uint8Array): Promise<Packet[]> {
  const reader = createPacketReader(
    (async function* () {
      yield body;
    })(),
  );
  const packets: Packet[] = [];
  for (let packet = await reader.next(); packet !== undefined; packet = await reader.next())
    packets.push(packet);
  return packets;
}

const toStall = (): Error => new Error("the stream stops within a packet");
const headBytes = 4;
const kinds: Readonly<Record<number, Packet["kind"]>> = { 0: "flush", 1: "delimiter", 2: "end" };
