/** Output that is not in the log, and why. */
export interface DroppedOutput {
  readonly bytes: number;
  readonly reasons: ReadonlySet<string>;
}

/** Returns the dropped output with that of a further text, counted in bytes of the text. */
export function addDropped(dropped: DroppedOutput | undefined, bytes: number, reason: string): DroppedOutput {
  return { bytes: (dropped?.bytes ?? 0) + bytes, reasons: new Set(dropped?.reasons).add(reason) };
}

/** Describes the missing output in the notice that replaces it. */
export function describeDropped({ bytes, reasons }: DroppedOutput): string {
  return `${bytes} bytes of output were dropped: ${[...reasons].join("; ")}`;
}

/** Formats a notice of the agent in the output, which is one whole line. */
export function toNotice(text: string, atLineStart: boolean): Buffer {
  return Buffer.from(`${atLineStart ? "" : "\n"}[signalman: ${text}]\n`);
}
