/** Output that is not in the log, and why. */
export interface DroppedOutput {
  bytes: number;
  readonly reasons: Set<string>;
}

/** Formats the notice that replaces the missing output. */
export function toNoticeText({ bytes, reasons }: DroppedOutput): string {
  return `${bytes} bytes of output were dropped: ${[...reasons].join("; ")}`;
}
