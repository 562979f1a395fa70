import { toPrintable } from "../../core/text/printable.ts";
import type { Note } from "./notes.ts";

const titles: Readonly<Record<Note["kind"], string>> = {
  refused: "Refused: the agent does not start with these",
  changes: "Changes: these require action",
  deprecated: "Deprecated: these still work",
  stays: "Unchanged",
};

/** What was found and, with `--write`, written: paths, `null` for none. */
export interface MigratedFiles {
  readonly config: string | null;
  readonly unit: string | null;
  readonly written: string | null;
}

/** Renders the notes in sections, and the next step. */
export function renderReport({ config, unit, written }: MigratedFiles, notes: readonly Note[]): string {
  const sections = (Object.keys(titles) as Note["kind"][]).flatMap((kind) => {
    const some = notes.filter((note) => note.kind === kind);
    const lines = some.map(({ subject, text }) => `  ${subject}: ${toPrintable(text).replaceAll("\n", " ")}`);
    return some.length === 0 ? [] : ["", titles[kind], ...lines];
  });
  const next = written ?? config;
  return [
    `configuration: ${config ?? "none"}`,
    `unit: ${unit ?? "none"}`,
    ...sections,
    "",
    ...(written === null ? [] : [`wrote ${written} (mode 0600)`]),
    ...(next === null ? [] : [`next, as the user of the agent: signalman doctor --config-file ${next}`]),
  ].join("\n");
}
