import { formatTable, print, printJson } from "signalman";

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
    for (const item of items) printJson(item);
  } else if (items.length === 0) {
    print(whenEmpty);
  } else {
    const rows = items.map((item) => toRow(item).map((cell) => String(cell ?? "")));
    print(formatTable([[...head], ...rows]).join("\n"));
  }
}
