/** The end of a stream, from the byte on that is still wanted. */
export interface Ring {
  /** Number of bytes that were pushed. */
  readonly end: number;
  /** Number of bytes that are kept. */
  readonly byteLength: number;
  push(bytes: Uint8Array): void;
  /** Bytes before the offset are no longer wanted. */
  release(offset: number): void;
  /** Returns some bytes from the offset on: none at the end, `undefined` when they are not kept. */
  read(offset: number): Uint8Array | undefined;
}

interface Block {
  readonly start: number;
  readonly bytes: Uint8Array;
  used: number;
}

const blockBytes = 256 * 1024;

export function createRing(): Ring {
  const blocks: Block[] = [];
  let start = 0;
  let end = 0;
  return {
    get end() {
      return end;
    },
    get byteLength() {
      return end - start;
    },
    push(bytes) {
      for (let at = 0; at < bytes.length;) {
        let block = blocks.at(-1);
        if (!block || block.used === block.bytes.length) {
          block = { start: end, bytes: new Uint8Array(blockBytes), used: 0 };
          blocks.push(block);
        }
        const part = bytes.subarray(at, at + block.bytes.length - block.used);
        block.bytes.set(part, block.used);
        block.used += part.length;
        at += part.length;
        end += part.length;
      }
    },
    release(offset) {
      if (!(offset > start)) return;
      start = Math.min(offset, end);
      while (blocks[0] && blocks[0].start + blocks[0].bytes.length <= start) blocks.shift();
    },
    read(offset) {
      if (offset < start || offset > end) return undefined;
      const block = blocks.find((each) => offset < each.start + each.used);
      return block ? block.bytes.subarray(offset - block.start, block.used) : new Uint8Array();
    },
  };
}
