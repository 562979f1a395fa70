import type { TextSink } from "./escape-filter.ts";

/** Displays the output of one command at a time. */
export interface Display extends TextSink {
  /** Ends the output: resets the styles and terminates an incomplete line. */
  close(): void;
}

export interface DisplayOptions {
  readonly write: (text: string) => void;
  /** Whether SGR sequences are written. */
  readonly colour: boolean;
}

const reset = "\x1b[0m";
/** A longer line is written in pieces, after which a `\r` cannot replace it any more. In characters. */
const longestHeldLine = 64 * 1024;

/**
 * Writes to a terminal, at once. The text after a `\r` replaces the line (protocol section 5.3); the `\r`
 * takes effect only with that text, so that `100%\r\n` remains visible.
 */
export function createLiveDisplay({ write, colour }: DisplayOptions): Display {
  let empty = true;
  let returned = false;
  let styled = false;
  let pending = "";

  return {
    text(run) {
      if (returned && !empty && !run.startsWith("\n")) write("\r\x1b[K");
      write(pending === "" ? run : pending + run);
      returned = false;
      pending = "";
      empty = run.endsWith("\n");
    },
    style(sequence) {
      if (!colour) return;
      styled = !isReset(sequence);
      if (returned) pending = keepStyles(pending + sequence);
      else write(sequence);
    },
    carriageReturn() {
      returned = true;
    },
    backspace() {
      if (!empty && !returned) write("\b");
    },
    close() {
      if (styled) write(reset);
      if (!empty) write("\n");
      empty = true;
      returned = false;
      styled = false;
      pending = "";
    },
  };
}

/** Writes to a file or pipe: whole lines, each with only the text after its last `\r`. */
export function createLineDisplay({ write, colour }: DisplayOptions): Display {
  let held = "";
  let empty = true;
  let begun = false;
  let returned = false;
  let styled = false;
  let pending = "";

  function hold(): void {
    if (held.length <= longestHeldLine) return;
    write(held);
    held = "";
    begun = true;
  }

  function replaceLine(): void {
    if (begun) {
      write(`${held}\n`);
      held = "";
      begun = false;
    } else held = keepStyles(held);
  }

  return {
    text(run) {
      if (returned && !run.startsWith("\n")) replaceLine();
      held += pending;
      returned = false;
      pending = "";
      const end = run.lastIndexOf("\n") + 1;
      if (end > 0) {
        write(held + run.slice(0, end));
        held = "";
        begun = false;
      }
      held += end === 0 ? run : run.slice(end);
      empty = end === run.length;
      hold();
    },
    style(sequence) {
      if (!colour) return;
      styled = !isReset(sequence);
      if (returned) pending = keepStyles(pending + sequence);
      else held += sequence;
    },
    carriageReturn() {
      returned = true;
    },
    backspace() {},
    close() {
      write(held + (styled ? reset : "") + (empty && !begun ? "" : "\n"));
      held = "";
      empty = true;
      begun = false;
      returned = false;
      styled = false;
      pending = "";
    },
  };
}

function isReset(sequence: string): boolean {
  return sequence === reset || sequence === "\x1b[m";
}

/** Returns the last styles of a discarded line, because they still apply to the text after it. */
function keepStyles(line: string): string {
  // oxlint-disable-next-line no-control-regex
  return line.includes("\x1b") ? (line.match(/\x1b\[[\d;:]*m/g) ?? []).slice(-8).join("") : "";
}
