import { parseEvent } from "../../job/log/parse-event.ts";

/**
 * Returns the lines of a job's log that are events, unchanged, and the number of the others: a job can write
 * to its own log.
 */
export function selectEvents(lines: Uint8Array): { readonly events: Uint8Array; readonly omitted: number } {
  const kept: Uint8Array[] = [];
  let omitted = 0;
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(newline, start) + 1 || lines.length;
    const line = lines.subarray(start, end);
    if (isEvent(line)) kept.push(line);
    else omitted += 1;
    start = end;
  }
  return { events: omitted === 0 ? lines : Buffer.concat(kept), omitted };
}

const newline = 0x0a;
const decoder = new TextDecoder("utf-8", { fatal: true });

function isEvent(line: Uint8Array): boolean {
  try {
    return parseEvent(decoder.decode(line)) !== undefined;
  } catch {
    return false;
  }
}
