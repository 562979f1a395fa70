import type { JobEvent } from "../../core/contracts/job-events.ts";

/** Creates an encoder of events as lines. A line is valid until the next one is encoded. */
export function createEncoder(): (event: JobEvent) => Uint8Array {
  const scratch = Buffer.allocUnsafeSlow(256 * 1024);
  return (event) => {
    const line = `${JSON.stringify(event)}\n`;
    if (line.length * 3 > scratch.length) return Buffer.from(line);
    return scratch.subarray(0, scratch.write(line));
  };
}

/** Returns the current time in the unit of a job's log (protocol section 5.1). */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
