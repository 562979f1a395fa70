import { fstatSync, readSync } from "node:fs";

/** Maximum size of a line. A longer one was not written by a spool, such as the hole of a sparse file. */
export const maxLineBytes = 128 * 2 ** 20;

/**
 * Reads as many whole lines as both bounds allow, at least one if there is one. Bytes after the last line end
 * are read again each time: a partial line may have been replaced by another line in the meantime.
 */
export function readLines(fd: number, offset: number, maxEvents: number, maxBytes: number): Lines {
  const bounds = { maxEvents, maxBytes };
  // A reader that keeps up with a job finds a few lines at a time.
  const few = readSync(fd, scratch, 0, scratch.length, offset);
  if (few < scratch.length) {
    const { end, events } = countWithin(scratch.subarray(0, few), noLines, bounds);
    return { lines: Buffer.copyBytesFrom(scratch, 0, end), events };
  }
  // One buffer of the right size: a flood would otherwise leave twice as much garbage.
  const available = fstatSync(fd).size - offset;
  let buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(maxBytes, available + 1)));
  let found = noLines;
  for (;;) {
    const { end: start } = found;
    const filled = start + readSync(fd, buffer, start, buffer.length - start, offset + start);
    const block = buffer.subarray(0, filled);
    found = countWithin(block, found, bounds);
    const { end, events, isFull } = found;
    const enough = isFull || (events > 0 && (events >= maxEvents || buffer.length >= maxBytes));
    if (enough || filled < buffer.length) return { lines: buffer.subarray(0, end), events };
    // The hole of a sparse file: no event contains such a byte. The writer may still fill it.
    if (block.includes(0)) return { lines: buffer.subarray(0, end), events };
    if (buffer.length > maxLineBytes)
      throw new Error(`no line ends within ${maxLineBytes} bytes after byte ${offset}`);
    buffer = Buffer.concat([buffer.subarray(0, end)], buffer.length * 2);
  }
}

export interface Lines {
  readonly lines: Uint8Array;
  readonly events: number;
}

const scratch = Buffer.allocUnsafeSlow(16 * 1024);

interface LineCount {
  /** The end of the last line. */
  readonly end: number;
  readonly events: number;
  /** Whether more lines follow that exceed a bound. */
  readonly isFull: boolean;
}

const noLines: LineCount = { end: 0, events: 0, isFull: false };

/** Adds the lines of a block, from the end of the known ones. */
function countWithin(
  block: Buffer,
  { end, events }: LineCount,
  { maxEvents, maxBytes }: { readonly maxEvents: number; readonly maxBytes: number },
): LineCount {
  for (let next = block.indexOf(newline, end) + 1; next > 0; next = block.indexOf(newline, end) + 1) {
    if (events > 0 && (events >= maxEvents || next > maxBytes)) return { end, events, isFull: true };
    end = next;
    events += 1;
  }
  return { end, events, isFull: false };
}

/** Finds the end of the last whole line of a file. */
export function findEndOfLines(fd: number): number {
  const block = Buffer.allocUnsafe(64 * 1024);
  const { size } = fstatSync(fd);
  for (let end = size; end > 0;) {
    if (size - end > maxLineBytes) throw new Error(`no line ends in the last ${maxLineBytes} bytes`);
    const start = Math.max(0, end - block.length);
    const count = readSync(fd, block, 0, end - start, start);
    const last = block.subarray(0, count).lastIndexOf(newline);
    if (last !== -1) return start + last + 1;
    end = start;
  }
  return 0;
}

export function countLines(lines: Uint8Array): number {
  return lines.filter((byte) => byte === newline).length;
}

const newline = 0x0a;
