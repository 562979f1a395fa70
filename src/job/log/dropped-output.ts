/** Output that is not in the log, and why. */
export interface DroppedOutput {
  bytes: number;
  readonly reasons: Set<string>;
}

/** The text of the notice that stands where the output is missing. */
export function toNoticeText({ bytes, reasons }: DroppedOutput): string {
  return `${bytes} bytes of output were dropped: ${[...reasons].join("; ")}`;
}
