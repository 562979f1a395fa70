import type { JobEvent } from "../../core/contracts/job-events.ts";
import { toPrintable } from "../../core/text/printable.ts";
import { createPaint, type Paint } from "../output/colour.ts";
import { type CommandBlocks, createCommandBlocks } from "./command-blocks.ts";
import { createLineDisplay, createLiveDisplay } from "./display.ts";
import { type Moment, toDuration } from "./duration.ts";
import { createEscapeFilter } from "./escape-filter.ts";
import { parseEvent } from "../../job/log/parse-event.ts";

export interface RendererOptions {
  /** Receives the rendered text, at most once for each {@link Renderer.push}. */
  readonly output: (text: string) => void;
  /**
   * Whether the output is a terminal: text appears at once, and `\r` replaces the line. Otherwise whole lines
   * are written.
   */
  readonly tty: boolean;
  /** Whether to use colours, the job's and the renderer's own. */
  readonly colour: boolean;
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/** Renders a job's log as the job page does: one block for each command (protocol section 5.3). */
export interface Renderer {
  /** Renders whole lines of a spool, in order. */
  push(lines: Uint8Array): void;
  /** Ends the view: closes an open block and resets the terminal's styles. */
  end(): void;
}

/** Creates the live view of one job. The job's output cannot control the terminal, except for colours and `\r`. */
export function createRenderer(options: RendererOptions): Renderer {
  const { output, tty, colour, now = () => performance.now() } = options;
  const decoder = new TextDecoder();
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  const paint = createPaint(colour);
  const display = tty ? createLiveDisplay({ write, colour }) : createLineDisplay({ write, colour });
  const filter = createEscapeFilter(display);
  const blocks = createCommandBlocks({ write, paint, now, display, filter });
  const show = createEventView({ write, paint, now, blocks, writeOutput: filter.write });

  const flush = () => {
    if (text !== "") output(text);
    text = "";
  };
  return {
    push(lines) {
      for (const line of linesOf(decoder.decode(lines))) {
        const event = parseEvent(line);
        if (event === undefined) write(`${paint("1;31", "unreadable line in the log")}\n`);
        else show(event);
      }
      flush();
    },
    end() {
      blocks.abandon();
      flush();
    },
  };
}

interface EventViewOptions {
  readonly write: (text: string) => void;
  readonly paint: Paint;
  readonly now: () => number;
  readonly blocks: CommandBlocks;
  readonly writeOutput: (text: string) => void;
}

/** Returns a function that shows one event. It keeps the start of the job for the summary. */
function createEventView(options: EventViewOptions): (event: JobEvent) => void {
  const { write, paint, now, blocks, writeOutput } = options;
  let started: Moment | undefined;

  const summarize = (result: string, seconds: number): string => {
    const duration = started === undefined ? "" : ` in ${toDuration(started, { seconds, seenAt: now() })}`;
    const style = { passed: "1;32", failed: "1;31" }[result] ?? "1;33";
    const failure = blocks.firstFailure();
    const reason = result === "failed" && failure !== undefined ? `: ${failure}` : "";
    return `\n${paint(style, `${toPrintable(result)}${duration}`)}${reason}\n`;
  };
  return (event) => {
    switch (event.event) {
      case "cmd_output":
        return writeOutput(event.output);
      case "job_started":
        started = { seconds: event.timestamp, seenAt: now() };
        return;
      case "cmd_started":
        return blocks.open(event.directive, event.timestamp);
      case "cmd_finished":
        return blocks.close(event.exit_code, event.finished_at);
      case "job_finished":
        blocks.abandon();
        return write(summarize(event.result, event.timestamp));
    }
  };
}

function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    yield text.slice(start, end);
    start = end + 1;
  }
}
