import { type Packet, toText } from "./packets.ts";

/** An annotated tag of the origin. */
export interface Tag {
  /** The tag's own object. */
  readonly object: string;
  readonly peeled: string;
}

/** Returns the annotated tags in an answer to `ls-refs`, in the order of their objects. */
export function parseTags(packets: readonly Packet[]): Tag[] {
  const tags = new Map<string, Tag>();
  for (const packet of packets) {
    if (packet.kind !== "data") continue;
    const [, object, peeled] = tagLine.exec(toText(packet)) ?? [];
    if (object !== undefined && peeled !== undefined) tags.set(object, { object, peeled });
  }
  return [...tags.values()].toSorted((a, b) => (a.object < b.object ? -1 : 1));
}

const tagLine = /^([0-9a-f]{40}) refs\/tags\/\S+(?: .*)? peeled:([0-9a-f]{40})/;
