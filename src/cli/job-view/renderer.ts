import type { JobEvent } from "../../core/contracts/job-events.ts";
import { toLine, toPrintable } from "../../core/printable.ts";
import { createLineDisplay, createLiveDisplay } from "./display.ts";
import { toDuration } from "./duration.ts";
import { createEscapeFilter } from "./escape-filter.ts";

export interface RendererOptions {
  /** Takes what is to be shown, once per {@link Renderer.push} at most. */
  readonly output: (text: string) => void;
  /** The output is a terminal: text appears as it comes, and `\r` moves. Otherwise whole lines. */
  readonly tty: boolean;
  /** Colours, the job's and our own. */
  readonly colour: boolean;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/** Shows a job's log as the job page does: one fold per command (protocol section 5.3). */
export interface Renderer {
  /** Whole lines of a spool, in order. */
  push(lines: Uint8Array): void;
  /** The log is over, complete or not: the terminal is left in order. */
  end(): void;
}

interface OpenCommand {
  readonly directive: string;
  readonly fromSeconds: number;
  readonly seenAt: number;
}

const longestHeader = 20;

/** Makes the live view of one job. Nothing that a job prints can act on the terminal, apart from colours and `\r`. */
export function createRenderer(options: RendererOptions): Renderer {
  const { output, tty, colour, now = () => performance.now() } = options;
  const decoder = new TextDecoder();
  let shown = "";
  const write = (text: string) => {
    shown += text;
  };
  const display = tty ? createLiveDisplay({ write, colour }) : createLineDisplay({ write, colour });
  const filter = createEscapeFilter(display);
  const paint = (style: string, text: string) => (colour ? `\x1b[${style}m${text}\x1b[0m` : text);

  let job: Omit<OpenCommand, "directive"> | undefined;
  let command: OpenCommand | undefined;
  let failure = "";

  function show(event: JobEvent): void {
    switch (event.event) {
      case "cmd_output":
        return filter.write(event.output);
      case "job_started":
        job = { fromSeconds: event.timestamp, seenAt: now() };
        return;
      case "cmd_started":
        closeCommand();
        command = { directive: event.directive, fromSeconds: event.timestamp, seenAt: now() };
        return write(header(event.directive));
      case "cmd_finished":
        return finishCommand(event.exit_code, event.finished_at);
      case "job_finished":
        closeCommand();
        return write(summary(event.result, event.timestamp));
    }
  }

  function header(directive: string): string {
    const [first = "", ...rest] = toPrintable(directive.replaceAll("\r\n", "\n").trimEnd()).split("\n");
    const more = rest.length - longestHeader;
    const lines = [
      `▸ ${paint("1", first === "" ? "(empty command)" : first)}`,
      ...rest.slice(0, longestHeader).map((line) => `  ${paint("1", line)}`),
      ...(more > 0 ? [`  ${paint("2", `… ${more} more lines`)}`] : []),
    ];
    return `${lines.join("\n")}\n`;
  }

  function finishCommand(exitCode: number, toSeconds: number): void {
    filter.reset();
    display.close();
    const duration =
      command === undefined ? "" : toDuration({ ...command, toSeconds, seenMs: now() - command.seenAt });
    if (exitCode === 0) write(`${paint("2", `✓ ${duration}`)}\n`);
    else {
      write(`${paint("1;31", `✗ exit code ${exitCode}`)}${paint("2", `, ${duration}`)}\n`);
      failure ||= `exit code ${exitCode} from "${toLine(command?.directive ?? "", 60)}"`;
    }
    command = undefined;
  }

  /** As the job page has it, a command that never finished has failed. */
  function closeCommand(): void {
    filter.reset();
    display.close();
    if (command !== undefined) write(`${paint("1;31", "✗ did not finish")}\n`);
    command = undefined;
  }

  function summary(result: string, toSeconds: number): string {
    const duration =
      job === undefined ? "" : ` in ${toDuration({ ...job, toSeconds, seenMs: now() - job.seenAt })}`;
    const style = { passed: "1;32", failed: "1;31" }[result] ?? "1;33";
    return `\n${paint(style, `${toPrintable(result)}${duration}`)}${result === "failed" && failure !== "" ? `: ${failure}` : ""}\n`;
  }

  function flush(): void {
    if (shown !== "") output(shown);
    shown = "";
  }

  return {
    push(lines) {
      const text = decoder.decode(lines);
      for (let start = 0; start < text.length;) {
        const end = text.indexOf("\n", start);
        const line = text.slice(start, end === -1 ? text.length : end);
        start = end === -1 ? text.length : end + 1;
        const event = parseEvent(line);
        if (event === undefined) write(`${paint("1;31", "a line of the log cannot be read")}\n`);
        else show(event);
      }
      flush();
    },
    end() {
      closeCommand();
      flush();
    },
  };
}

function parseEvent(line: string): JobEvent | undefined {
  try {
    const event = JSON.parse(line) as JobEvent | null;
    return event ?? undefined;
  } catch {
    return undefined;
  }
}
