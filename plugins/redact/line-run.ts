/** Lines of base64 that begin alike: a key in PEM that is indented, quoted or has a label on each line. */
export interface LineRun {
  /** By byte: 1 when it belongs to base64. */
  readonly lineBytes: Uint8Array;
  /** Minimum size of the base64 in the first line, which tells it from other text. */
  readonly min: number;
  /** Maximum size of all lines. */
  readonly max: number;
}

export interface LineRunReader {
  /**
   * Returns the position behind the last line, without its end; -1 when no such line follows; `undefined`
   * when more data is needed.
   */
  measure(data: Uint8Array, from: number, final: boolean): number | undefined;
  reset(): void;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const mostPrefixBytes = 64;
const mostLineBytes = 256;

export function createLineRunReader({ lineBytes, min, max }: LineRun): LineRunReader {
  /**
   * The lines that begin at `from` or later and end before `to` begin with `prefix`: none is examined twice.
   */
  let known = { from: 0, to: -1, last: -1, prefix: new Uint8Array(0) };

  /**
   * Returns the positions of a line's last byte, and of its base64 at the end; `undefined` when its end is
   * not in the data.
   */
  function readLine(data: Uint8Array, start: number, final: boolean) {
    const most = Math.min(data.length, start + mostLineBytes);
    let next = start;
    while (next < most && data[next] !== newline) next += 1;
    if (next === data.length && !final) return undefined;
    const end = data[next - 1] === carriageReturn && next > start ? next - 1 : next;
    let base64 = end;
    while (base64 > start && lineBytes[data[base64 - 1]!] === 1) base64 -= 1;
    return { end, base64, next: next + 1 };
  }

  function beginsWith(data: Uint8Array, start: number, prefix: Uint8Array): boolean {
    return prefix.every((byte, index) => data[start + index] === byte);
  }

  return {
    measure(data, from, final) {
      // The rest of the header's line, which may end with the parameter of a cipher.
      const header = readLine(data, from, final);
      if (header === undefined) return undefined;
      if (header.base64 > from || header.next > data.length) return -1;
      let first = readLine(data, header.next, final);
      let start = header.next;
      // An empty line follows the header of a key with a passphrase.
      if (first !== undefined && first.base64 === first.end && first.next <= data.length) {
        start = first.next;
        first = readLine(data, start, final);
      }
      if (first === undefined) return undefined;
      const size = first.base64 - start;
      if (first.end - first.base64 < min || size > mostPrefixBytes) return -1;
      const prefix = data.slice(start, first.base64);
      let at = first.next;
      let last = first.end;
      const isKnown = start >= known.from && start < known.to && Buffer.compare(prefix, known.prefix) === 0;
      if (isKnown) ({ to: at, last } = known);
      while (at - start <= max) {
        const line = at < data.length || !final ? readLine(data, at, final) : undefined;
        if (line === undefined && !final) return undefined;
        if (line === undefined || line.base64 > at + size || line.end <= at + size) break;
        if (!beginsWith(data, at, prefix)) break;
        last = line.end;
        at = line.next;
      }
      known = { from: isKnown ? known.from : start, to: at, last, prefix };
      return at - start > max ? -1 : last;
    },
    reset() {
      known.to = -1;
    },
  };
}
