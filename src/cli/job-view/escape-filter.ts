import { createSequenceParser, indexOf } from "./escape-sequences.ts";

/** Receives a job's output without the control sequences that could act on the viewer's terminal. */
export interface TextSink {
  /** Text, never empty, without control characters other than `\n` and `\t`. */
  text(run: string): void;
  /** A complete SGR sequence: colours, bold, underline and the like. */
  style(sequence: string): void;
  carriageReturn(): void;
  backspace(): void;
}

export interface EscapeFilter {
  write(text: string): void;
  /** Discards an incomplete sequence, so that it cannot swallow the output of the next command. */
  reset(): void;
}

/**
 * Drops every control of a job's output except text, line structure and SGR: cursor and screen (CSI), titles,
 * clipboard and links (OSC), DCS, APC, PM, SOS and character sets, in their 7-bit and 8-bit forms. The output
 * may be cut anywhere.
 */
export function createEscapeFilter(sink: TextSink): EscapeFilter {
  const parser = createSequenceParser((sequence) => sink.style(sequence));

  /** Handles the control character at `at`. Returns the position after it. */
  const takeControl = (text: string, at: number): number => {
    const style = wholeStyleAt(text, at);
    if (style !== undefined) {
      sink.style(style);
      return at + style.length;
    }
    const code = text.charCodeAt(at);
    if (code === CR) sink.carriageReturn();
    else if (code === BS) sink.backspace();
    else parser.start(code);
    return at + 1;
  };

  return {
    write(text) {
      let position = 0;
      while (position < text.length) {
        if (parser.isInside()) position = parser.take(text, position);
        else {
          const next = indexOf(control, text, position);
          if (next > position)
            sink.text(position === 0 && next === text.length ? text : text.slice(position, next));
          position = next < text.length ? takeControl(text, next) : next;
        }
      }
    },
    reset: () => parser.reset(),
  };
}

const BS = 0x08;
const CR = 0x0d;
const ESC = 0x1b;

/** All control characters but `\t` and `\n`: C0, DEL, and C1 (the 8-bit escape codes). */
// oxlint-disable-next-line no-control-regex
const control = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

// oxlint-disable-next-line no-control-regex
const wholeStyle = /\x1b\[[\d;:]{0,64}m/y;

/** The complete SGR sequence at this position. Most sequences are one, and need no parsing character by character. */
function wholeStyleAt(text: string, at: number): string | undefined {
  if (text.charCodeAt(at) !== ESC) return undefined;
  wholeStyle.lastIndex = at;
  return wholeStyle.exec(text)?.[0];
}
