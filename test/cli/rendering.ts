import { expect } from "bun:test";
import { createRenderer } from "../../src/cli/job-view/renderer.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";

export type View = "terminal" | "terminal without colour" | "file" | "file with colour";
export const views: readonly View[] = ["terminal", "terminal without colour", "file", "file with colour"];

/** Renders events. `clock` returns the milliseconds at which commands started and finished. */
export function render(view: View, events: readonly Event[], clock: readonly number[] = []): string {
  let shown = "";
  const times = [...clock];
  const renderer = createRenderer({
    output: (text) => (shown += text),
    tty: view.startsWith("terminal"),
    colour: view === "terminal" || view === "file with colour",
    now: () => times.shift() ?? 0,
  });
  for (const event of events) renderer.push(line(event));
  renderer.end();
  return shown;
}

export type Event = JobEvent | string;

/** Converts texts to output events. */
export function line(event: Event): Uint8Array {
  const whole = typeof event === "string" ? { event: "cmd_output", timestamp: 100, output: event } : event;
  return new TextEncoder().encode(`${JSON.stringify(whole)}\n`);
}

export function started(directive = "make", timestamp = 100): JobEvent {
  return { event: "cmd_started", timestamp, directive };
}

export function finished(exit_code = 0, finished_at = 100, directive = "make"): JobEvent {
  return {
    event: "cmd_finished",
    timestamp: finished_at,
    directive,
    exit_code,
    started_at: 100,
    finished_at,
  };
}

/** Renders the output of one command, without header and footer. */
export function output(view: View, ...chunks: string[]): string {
  const whole = render(view, [started(), ...chunks, finished()]);
  const header = view === "terminal" || view === "file with colour" ? "▸ \x1b[1mmake\x1b[0m\n" : "▸ make\n";
  const footer = view === "terminal" || view === "file with colour" ? "\x1b[2m✓ 0.0 s\x1b[0m\n" : "✓ 0.0 s\n";
  expect(whole).toStartWith(header);
  expect(whole).toEndWith(footer);
  return whole.slice(header.length, -footer.length);
}
