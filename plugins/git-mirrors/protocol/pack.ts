import { type Packet, type PacketReader, toText } from "./packets.ts";

/** Whether a packet of an answer has bytes of the pack: they are in the first band. */
export function isPackData({ kind, raw }: Packet): boolean {
  return kind === "data" && raw[4] === 1;
}

/**
 * Returns the pack of an answer to a fetch. `onShallow` is called before its first byte, with the commits whose parents
 * the pack does not have.
 */
export async function* readPack(
  packets: PacketReader,
  onShallow: (commits: readonly string[]) => Promise<void>,
): AsyncGenerator<Buffer, void> {
  const shallow: string[] = [];
  let hasPack = false;
  for (let packet = await packets.next(); packet?.kind !== "flush"; packet = await packets.next()) {
    if (packet === undefined) throw new Error("the answer is not whole");
    if (isPackData(packet)) {
      if (!hasPack) await onShallow(shallow);
      hasPack = true;
      yield packet.raw.subarray(5);
      continue;
    }
    const commit = /^shallow ([0-9a-f]{40})$/.exec(toText(packet))?.[1];
    if (commit !== undefined && !hasPack) shallow.push(commit);
  }
}
