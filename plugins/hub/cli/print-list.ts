import { formatTable } from "signalman";

export interface PrintOptions<T> {
  readonly json: boolean;
  /** Line printed for an empty list. */
  readonly whenEmpty: string;
  readonly head: readonly string[];
  readonly toRow: (item: T) => readonly (string | number | undefined)[];
}

/** Prints a list as a table or as NDJSON. */
export function printList<T>(items: readonly T[], { json, whenEmpty, head, toRow }: PrintOptions<T>): void {
  if (json) {
    for (const item of items) process.stdout.write(`${JSON.stringify(item)}\n`);
  } else if (items.length === 0) {
    process.stdout.write(`${whenEmpty}\n`);
  } else {
    const rows = items.map((item) => toRow(item).map((cell) => toCell(cell)));
    process.stdout.write(`${formatTable([[...head], ...rows]).join("\n")}\n`);
  }
}

/** Replaces control characters: names of agents and jobs are untrusted and must not control the terminal. */
function toCell(cell: string | number | undefined): string {
  return String(cell ?? "").replaceAll(/[\p{Cc}\p{Cf}]/gu, "�");
}
