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
