// oxlint-disable-next-line no-control-regex
const sgr = /\x1b\[[\d;:]{0,64}m/g;

/** Sequences that are kept; a job may print any number of them without a reset. */
const mostSequences = 8;

/** Returns the SGR sequences that apply after a text, given those before it. */
export function nextStyle(style: string, text: string): string {
  let sequences: readonly string[] = style === "" ? [] : (style.match(sgr) ?? []);
  for (const [sequence] of text.matchAll(sgr)) {
    const parameters = sequence.slice(2, -1);
    if (/^0*$/.test(parameters)) sequences = [];
    else if (/^0+;/.test(parameters)) sequences = [sequence];
    else sequences = [...sequences.slice(1 - mostSequences), sequence];
  }
  return sequences.join("");
}

/**
 * Returns what a terminal leaves of a line: the text after the last `\r` replaces the line, and takes its styles over
 * (protocol section 5.3). A `\r` at the end has no effect yet.
 */
export function foldReturns(line: string): string {
  const end = line.endsWith("\r") ? line.length - 1 : line.length;
  const at = line.lastIndexOf("\r", end - 1);
  if (at === -1) return line;
  return nextStyle("", line.slice(0, at)) + line.slice(at + 1);
}

/** Escape sequences: CSI, then OSC, DCS, APC, PM and SOS with their texts, then those of two characters. */
const sequences =
  // oxlint-disable-next-line no-control-regex
  /\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?/g;

// oxlint-disable-next-line no-control-regex
const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Returns the text of a row without escape sequences and control characters. */
export function toPlain(row: string): string {
  const text = row.includes("\x1b") ? row.replaceAll(sequences, "") : row;
  return text.replaceAll(controls, "");
}
