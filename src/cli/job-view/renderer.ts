import type { JobEvent } from "../../core/contracts/job-events.ts";
import { toPrintable } from "../../core/text/printable.ts";
import { createPaint, type Paint } from "../output/colour.ts";
import { type CommandBlocks, createCommandBlocks, type OpenBlock } from "./command-blocks.ts";
import { type CommandTable, createCommandTable } from "./command-table.ts";
import { createLineDisplay, createLiveDisplay } from "./display.ts";
import { type Moment, toDuration, toSeconds } from "./duration.ts";
import { createEscapeFilter } from "./escape-filter.ts";
import { createFold } from "./fold.ts";
import { parseEvent } from "../../job/log/parse-event.ts";

export interface RendererOptions {
  /** Receives the rendered text, at most once for each {@link Renderer.push}. */
  readonly output: (text: string) => void;
  /**
   * Whether the output is a terminal that can be redrawn: text appears at once, and `\r` replaces the line.
   * Otherwise whole lines are written.
   */
  readonly tty: boolean;
  /** Whether to use colours, the job's and the renderer's own. */
  readonly colour: boolean;
  /** Whether a command that passed is shown as one line, after its end. Default: `false`. */
  readonly fold?: boolean;
  /**
   * Whether a table of the commands with durations and results is shown at the end; `long`: after more than
   * 10 commands or 10 seconds. Default: `never`.
   */
  readonly summary?: "always" | "long" | "never";
  /** Returns the width of the table in columns. Default: 100. */
  readonly columns?: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/** Renders a job's log as the job page does: one block for each command (protocol section 5.3). */
export interface Renderer {
  /** Renders whole lines of a spool, in order. */
  push(lines: Uint8Array): void;
  /** Returns the command that has started and not finished. */
  current(): OpenBlock | undefined;
  /** Ends the view: closes an open block and resets the terminal's styles. */
  end(): void;
}

/** Creates the live view of one job. The job's output cannot control the terminal, except for colours and `\r`. */
export function createRenderer(options: RendererOptions): Renderer {
  const { output, tty, colour, summary = "never", now = () => performance.now() } = options;
  const decoder = new TextDecoder();
  let text = "";
  const append = (more: string) => {
    text += more;
  };
  const fold = options.fold === true ? createFold(append) : undefined;
  const write = fold?.write ?? append;
  const paint = createPaint(colour);
  const display = tty && !fold ? createLiveDisplay({ write, colour }) : createLineDisplay({ write, colour });
  const filter = createEscapeFilter(display);
  const table = summary === "never" ? undefined : createCommandTable(paint);
  const blocks = createCommandBlocks({ write, paint, now, display, filter, table, fold });
  const show = createEventView({ write, paint, now, blocks, table, options, writeOutput: filter.write });

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
    current: blocks.current,
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
  readonly table: CommandTable | undefined;
  readonly options: Pick<RendererOptions, "summary" | "columns">;
  readonly writeOutput: (text: string) => void;
}

/** Returns a function that shows one event. It keeps the start of the job for the summary. */
function createEventView(view: EventViewOptions): (event: JobEvent) => void {
  const { write, paint, now, blocks, table, options, writeOutput } = view;
  let started: Moment | undefined;

  const tabulate = (isLong: boolean): string => {
    const { summary, columns = () => 100 } = options;
    if (!table || (summary === "long" && !isLong && table.count() <= 10)) return "";
    return `\n${table.render(columns()).join("\n")}\n`;
  };
  const summarize = (result: string, seconds: number): string => {
    const ended = { seconds, seenAt: started === undefined ? 0 : now() };
    const duration = started === undefined ? "" : ` in ${toDuration(started, ended)}`;
    const isLong = started !== undefined && toSeconds(started, ended) > 10;
    const style = { passed: "1;32", failed: "1;31" }[result] ?? "1;33";
    const failure = blocks.firstFailure();
    const reason = result === "failed" && failure !== undefined ? `: ${failure}` : "";
    return `${tabulate(isLong)}\n${paint(style, `${toPrintable(result)}${duration}`)}${reason}\n`;
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
