import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import type { JobEvent } from "../../../src/core/contracts/job-events.ts";
import type { SpoolReader } from "../../../src/core/contracts/spool.ts";

/** Any event with any text. */
export const anyEvent: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.record({ event: fc.constant("job_started" as const), timestamp: fc.nat() }),
  fc.record({
    event: fc.constant("cmd_started" as const),
    timestamp: fc.nat(),
    directive: fc.string({ unit: "binary" }),
  }),
  fc.record({
    event: fc.constant("cmd_output" as const),
    timestamp: fc.nat(),
    output: fc.string({ unit: "binary" }),
  }),
  fc.record({
    event: fc.constant("cmd_finished" as const),
    timestamp: fc.nat(),
    directive: fc.string({ unit: "binary" }),
    exit_code: fc.nat(255),
    started_at: fc.nat(),
    finished_at: fc.nat(),
  }),
  fc.record({
    event: fc.constant("job_finished" as const),
    timestamp: fc.nat(),
    result: fc.constantFrom("passed" as const, "failed" as const, "stopped" as const),
  }),
);

export function started(directive = "make"): JobEvent {
  return { event: "cmd_started", timestamp: 1, directive };
}

export function output(text: string): JobEvent {
  return { event: "cmd_output", timestamp: 2, output: text };
}

export function finished(directive = "make"): JobEvent {
  return { event: "cmd_finished", timestamp: 3, directive, exit_code: 0, started_at: 1, finished_at: 3 };
}

/** Reads the events of a spool. Throws for an invalid or incomplete line. */
export function eventsIn(path: string): JobEvent[] {
  const lines = readFileSync(path, "utf8").split("\n");
  if (lines.pop() !== "") throw new Error("the last line is not whole");
  return lines.map((line) => JSON.parse(line) as JobEvent);
}

/** Returns all output in a spool. */
export function outputIn(path: string): string {
  return eventsIn(path)
    .map((event) => (event.event === "cmd_output" ? event.output : ""))
    .join("");
}

/** Returns the output in a spool without the spool's own notices. */
export function printedIn(path: string): string {
  const texts = eventsIn(path).map((event) => (event.event === "cmd_output" ? event.output : ""));
  return texts.filter((text) => !/^\n?\[signalman: [^\]]*\]\n$/.test(text)).join("");
}

/** Reads a spool until it is closed. */
export async function readAll(
  reader: SpoolReader,
  bounds: { maxEvents?: number; maxBytes?: number } = {},
): Promise<string> {
  const parts: Uint8Array[] = [];
  for (let batch = await reader.next(bounds); batch; batch = await reader.next(bounds))
    parts.push(batch.lines);
  return Buffer.concat(parts).toString();
}

/** Splits bytes at the given offsets, in any order. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}
