/** Consumes escape sequences, which may be cut anywhere (ECMA-48). */
export interface SequenceParser {
  /** Starts a sequence if this control character opens one. */
  start(code: number): void;
  /** Whether a sequence is incomplete. */
  isInside(): boolean;
  /** Consumes the text of the sequence from `at`. Returns the position after it. */
  take(text: string, at: number): number;
  reset(): void;
}

/** Longest parameters of an SGR sequence that is passed on. */
const longestParameters = 64;
const ESC = 0x1b;
const CSI = 0x9b;

/**
 * Characters that end a control string: BEL, CAN, SUB, ESC, ST, and a line feed, so that an unterminated
 * string ends with its line.
 */
// oxlint-disable-next-line no-control-regex
const stringEnd = /[\n\x07\x18\x1a\x1b\x9c]/g;

/** Drops all sequences but SGR, which it passes to `onStyle` in their 7-bit form. */
export function createSequenceParser(onStyle: (sequence: string) => void): SequenceParser {
  let state: "text" | "escape" | "intermediate" | "parameters" | "string" = "text";
  let parameters = "";

  const start = (code: number): void => {
    if (code === ESC) state = "escape";
    else if (code === CSI) startParameters();
    else if (isStringOpener(code - 0x40)) state = "string";
  };

  const startParameters = (): void => {
    state = "parameters";
    parameters = "";
  };

  /** Takes one character after ESC. Returns whether it belongs to the sequence; if not, it is read again as text. */
  const takeEscape = (code: number): boolean => {
    if (isIntermediate(code)) {
      state = "intermediate";
      return true;
    }
    const isFirst = state === "escape";
    state = "text";
    if (isFirst && code === 0x5b) startParameters();
    else if (isFirst && isStringOpener(code)) state = "string";
    else return code >= 0x30 && code <= 0x7e;
    return true;
  };

  /** Takes one character of a CSI sequence, likewise. */
  const takeParameter = (character: string, code: number): boolean => {
    if (code >= 0x20 && code <= 0x3f) {
      if (parameters.length <= longestParameters) parameters += character;
      return true;
    }
    state = "text";
    if (code < 0x40 || code > 0x7e) return false;
    const isStyle = code === 0x6d && parameters.length <= longestParameters;
    if (isStyle && /^[\d;:]*$/.test(parameters)) onStyle(`\x1b[${parameters}m`);
    return true;
  };

  const takeString = (text: string, at: number): number => {
    const end = indexOf(stringEnd, text, at);
    if (end === text.length) return end;
    const code = text.charCodeAt(end);
    state = code === ESC ? "escape" : "text";
    return code === 0x0a ? end : end + 1;
  };

  return {
    start,
    isInside: () => state !== "text",
    take(text, at) {
      if (state === "string") return takeString(text, at);
      const code = text.charCodeAt(at);
      const belongs = state === "parameters" ? takeParameter(text.charAt(at), code) : takeEscape(code);
      return belongs ? at + 1 : at;
    },
    reset() {
      state = "text";
    },
  };
}

/** Position of the first match at or after `from`, or the text's length. `pattern` is global. */
export function indexOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? text.length : match.index;
}

function isIntermediate(code: number): boolean {
  return code >= 0x20 && code <= 0x2f;
}

/** `P`, `X`, `]`, `^`, `_` after ESC: DCS, SOS, OSC, PM, APC. */
function isStringOpener(code: number): boolean {
  return code === 0x50 || code === 0x58 || (code >= 0x5d && code <= 0x5f);
}
