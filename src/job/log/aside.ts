import type { JobLog, Output } from "../../core/contracts/job-log.ts";
import type { LogFilter } from "../../core/contracts/log-filter.ts";
import { toMessage } from "../../core/errors.ts";
import type { JobSequences } from "../commands/job-sequences.ts";

export interface AsideOptions {
  readonly filters: Pick<LogFilter, "text">;
  readonly sequences: JobSequences;
  /** Receives texts that begin and end with a line. */
  readonly write: (lines: string) => void;
}

/**
 * Runs the work of a block whose output goes into the open block of another command: below a line with its
 * title, and in whole lines. These are filtered each as a whole, independently of the block's own stream, of
 * which a filter may hold a part back.
 */
export async function runAside(
  title: string,
  work: Parameters<JobLog["command"]>[1],
  options: AsideOptions,
): Promise<number> {
  const aside = createAside(options);
  const [name = ""] = title.split("\n");
  aside.writeLine(`[signalman: stopping: ${name}]`);
  try {
    const code = await work(aside.output);
    aside.end();
    if (code !== 0) aside.writeLine(`[signalman: exit code ${code}: ${name}]`);
    return code;
  } catch (error) {
    aside.writeLine(toMessage(error));
    throw error;
  }
}

interface Aside {
  readonly output: Output;
  /** Writes a line of its own. */
  writeLine(text: string): void;
  /** Writes the rest. */
  end(): void;
}

/** A line that is longer than this is cut into several, so that what waits for its end is bounded. */
const longestLine = 256 * 1024;

function createAside({ filters, sequences, write }: AsideOptions): Aside {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let line = "";

  function writeAll(text: string): void {
    const filtered = filters.text(text.replaceAll("\r\n", "\n")).toWellFormed();
    write(filtered.endsWith("\n") ? filtered : `${filtered}\n`);
  }

  function add(text: string): void {
    line += text;
    const end = line.lastIndexOf("\n") + 1;
    const ready = end > 0 ? end : line.length >= longestLine ? line.length : 0;
    if (ready === 0) return;
    writeAll(line.slice(0, ready));
    line = line.slice(ready);
  }

  function end(): void {
    add(decoder.decode(sequences.flush()));
    if (line !== "") writeAll(line);
    line = "";
  }

  return {
    output: (chunk) =>
      add(
        decoder.decode(sequences.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk), {
          stream: true,
        }),
      ),
    writeLine(text) {
      end();
      writeAll(text);
    },
    end,
  };
}
