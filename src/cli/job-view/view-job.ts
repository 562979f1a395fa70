import { type Output, stderr } from "../../os/this-process/output.ts";
import type { SpoolReader } from "../../core/contracts/spool.ts";
import { print, toJsonText } from "../output/print.ts";
import type { StatusLine } from "../output/status-line.ts";
import { hasColour, isInteractive, isTerminal, readSize } from "../output/terminal.ts";
import type { OpenBlock } from "./command-blocks.ts";
import { createRenderer, type RendererOptions } from "./renderer.ts";
import { selectEvents } from "./select-events.ts";

export interface ViewOptions {
  readonly spool: SpoolReader;
  /**
   * Whether to print the spool's events as NDJSON instead of the rendered log: unchanged, except on a
   * terminal.
   */
  readonly json: boolean;
  readonly fold?: RendererOptions["fold"];
  readonly summary?: RendererOptions["summary"];
  readonly output: Output;
  /** Shows the command that runs, when it prints nothing. */
  readonly statusLine?: StatusLine | undefined;
  /** Returns what is awaited, such as the pull of an image. */
  readonly progress?: () => string | undefined;
  /** Ends the view, which rejects then. */
  readonly signal?: AbortSignal;
}

/** Shows a job's log while it is written. Resolves at its end; rejects when the output is closed. */
export async function viewJob(options: ViewOptions): Promise<void> {
  const { spool, json, fold = false, summary = "never", output, statusLine, progress, signal } = options;
  const write = (chunk: Uint8Array | string) =>
    new Promise<void>((resolve, reject) => {
      output.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  let text = "";
  let unreadable = 0;
  const renderer = createRenderer({
    output: (more) => (text += more),
    tty: isInteractive(output),
    colour: hasColour(isTerminal(output)),
    fold,
    summary,
    columns: () => (isTerminal(output) ? readSize(output).columns : 100),
  });
  const flush = async () => {
    const shown = text;
    text = "";
    if (shown !== "") await write(shown);
  };

  statusLine?.show(json ? "running the job" : "starting the job", progress && { progress });
  for (;;) {
    const batch = await spool.next(signal ? { signal } : {});
    if (!batch) break;
    if (json) {
      const { events, omitted } = selectEvents(batch.lines);
      await write(isTerminal(output) ? toJsonText(new TextDecoder().decode(events)) : events);
      unreadable += omitted;
    } else {
      renderer.push(batch.lines);
      await flush();
      if (statusLine) showCurrent(statusLine, renderer.current(), progress);
    }
  }
  if (unreadable > 0) print(`${unreadable} unreadable lines of the log left out`, stderr());
  if (json) return;
  renderer.end();
  await flush();
}

function showCurrent(
  statusLine: StatusLine,
  block: OpenBlock | undefined,
  progress: ViewOptions["progress"],
): void {
  if (block === undefined) statusLine.show("waiting for the next command", progress && { progress });
  else {
    const { directive, seenAt: since, lastLine } = block;
    statusLine.show(`running ${directive}`, { since, progress: () => progress?.() ?? lastLine?.() });
  }
}
