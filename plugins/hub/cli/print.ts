import { formatTable } from "signalman";

export interface PrintOptions<T> {
  readonly json: boolean;
  /** What is said of an empty list. */
  readonly nothing: string;
  readonly head: readonly string[];
  readonly toRow: (item: T) => readonly (string | number | undefined)[];
}

/** One item a line: a table for people, NDJSON for programs. */
export function printList<T>(items: readonly T[], { json, nothing, head, toRow }: PrintOptions<T>): void {
  if (json) {
    for (const item of items) process.stdout.write(`${JSON.stringify(item)}\n`);
  } else if (items.length === 0) {
    process.stdout.write(`${nothing}\n`);
  } else {
    const rows = items.map((item) => toRow(item).map((cell) => toCell(cell)));
    process.stdout.write(`${formatTable([[...head], ...rows]).join("\n")}\n`);
  }
}

/** Agents and jobs may be called anything; nothing of that may act on the terminal. */
function toCell(cell: string | number | undefined): string {
  return String(cell ?? "").replaceAll(/[\p{Cc}\p{Cf}]/gu, "�");
}
