/** What is left of a job's output once nothing in it can act on the viewer's terminal. */
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
  /** Forgets a sequence that was begun, so that a command cannot swallow what comes after it. */
  reset(): void;
}

const ESC = 0x1b;
const longestSequence = 64;
/** All control characters but `\t` and `\n`: C0, DEL, and C1 (the 8-bit escape codes). */
// oxlint-disable-next-line no-control-regex
const special = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;
// oxlint-disable-next-line no-control-regex
const stringControl = /[\n\x07\x18\x1a\x1b\x9c]/g;

// oxlint-disable-next-line no-control-regex
const wholeStyle = /\x1b\[[\d;:]{0,64}m/y;

/**
 * Takes a job's output apart, cut anywhere, and drops every control that is not text, line structure or SGR: cursor and screen
 * (CSI), titles, clipboard and links (OSC), DCS, APC, PM, SOS, character sets, in their 7-bit and 8-bit forms.
 */
export function createEscapeFilter(sink: TextSink): EscapeFilter {
  let state: "text" | "escape" | "intermediate" | "sequence" | "string" = "text";
  let parameters = "";

  /** One character of a sequence; `false` when it does not belong there and is to be read again, as text. */
  function step(character: string, code: number): boolean {
    if (state === "sequence") return inSequence(character, code);
    if (code >= 0x20 && code <= 0x2f) {
      state = "intermediate";
      return true;
    }
    const opens = state === "escape";
    state = "text";
    if (opens && code === 0x5b) beginSequence();
    else if (opens && isStringOpener(code)) state = "string";
    else return code >= 0x30 && code <= 0x7e;
    return true;
  }

  /** Most escape sequences are whole and are SGR: these need no stepping. Answers where to go on. */
  function takeControl(text: string, at: number): number {
    const code = text.charCodeAt(at);
    if (code === ESC) {
      wholeStyle.lastIndex = at;
      const match = wholeStyle.exec(text);
      if (match !== null) {
        sink.style(match[0]);
        return wholeStyle.lastIndex;
      }
    }
    control(code);
    return at + 1;
  }

  function control(code: number): void {
    if (code === 0x0d) sink.carriageReturn();
    else if (code === 0x08) sink.backspace();
    else if (code === ESC) state = "escape";
    else if (code === 0x9b) beginSequence();
    else if (isStringOpener(code - 0x40)) state = "string";
  }

  function beginSequence(): void {
    state = "sequence";
    parameters = "";
  }

  function inSequence(character: string, code: number): boolean {
    if (code >= 0x20 && code <= 0x3f) {
      if (parameters.length <= longestSequence) parameters += character;
      return true;
    }
    state = "text";
    if (code < 0x40 || code > 0x7e) return false;
    if (code === 0x6d && parameters.length <= longestSequence && /^[\d;:]*$/.test(parameters)) {
      sink.style(`\x1b[${parameters}m`);
    }
    return true;
  }

  /** Skips to the end of a control string: BEL, ST, CAN or SUB. A line feed ends it too, so that none runs on for ever. */
  function skipString(text: string, from: number): number {
    const end = indexOf(stringControl, text, from);
    if (end === text.length) return end;
    const code = text.charCodeAt(end);
    state = code === ESC ? "escape" : "text";
    return code === 0x0a ? end : end + 1;
  }

  return {
    write(text) {
      let position = 0;
      while (position < text.length) {
        if (state === "string") position = skipString(text, position);
        else if (state === "text") {
          const next = indexOf(special, text, position);
          if (next > position)
            sink.text(position === 0 && next === text.length ? text : text.slice(position, next));
          position = next < text.length ? takeControl(text, next) : next;
        } else if (step(text.charAt(position), text.charCodeAt(position))) position++;
      }
    },
    reset() {
      state = "text";
    },
  };
}

/** `P`, `X`, `]`, `^`, `_` after ESC: DCS, SOS, OSC, PM, APC. */
function isStringOpener(code: number): boolean {
  return code === 0x50 || code === 0x58 || (code >= 0x5d && code <= 0x5f);
}

function indexOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? text.length : match.index;
}
