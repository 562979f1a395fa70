import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import { formatEntries, formatText, type Layout } from "./layout.ts";

interface HookRow {
  readonly name: string;
  readonly kind: string;
  readonly process: string;
  readonly deadline: string;
  /** Fields of the event. */
  readonly event: string;
  readonly purpose: string;
}

/**
 * Renders the hooks, or one of them. `reference` is the page about plugins, whose table is generated from the
 * declarations. Throws `USAGE_INVALID`.
 */
export function renderHooks(reference: string, name: string | undefined, layout: Layout): string[] {
  const rows = readTable(reference);
  if (name !== undefined) return renderHook(rows, name, layout);
  const entries = rows.map((row) => ({
    left: row.name,
    right: [`${row.purpose.split(/(?<=\.) /, 1)[0]} (${toFacts(row)})`],
  }));
  return [
    ...formatText(
      "A gate's error ends the call and fails the phase; a notice's error is logged. signalman help hooks <name> shows the event of a hook.",
      layout,
    ),
    "",
    ...formatEntries(entries, layout, 22),
  ];
}

function renderHook(rows: readonly HookRow[], name: string, layout: Layout): string[] {
  const row = rows.find((each) => each.name === name);
  if (row === undefined) {
    const hint = toHint(
      name,
      rows.map((each) => each.name),
    );
    throw new AgentError("USAGE_INVALID", `no hook is named "${name}"${hint}`);
  }
  return [
    layout.paint("1", row.name),
    "",
    ...formatText(row.purpose, layout),
    "",
    ...formatEntries(
      [
        { left: "kind", right: [toKind(row.kind)] },
        { left: "process", right: [`the ${row.process}'s`] },
        { left: "deadline", right: [row.deadline] },
        { left: "event", right: [row.event] },
      ],
      layout,
      14,
    ),
  ];
}

function toKind(kind: string): string {
  return kind === "gate"
    ? "gate: an error of a listener ends the call and fails the phase"
    : "notice: an error of a listener is logged, and the other listeners are called";
}

function toFacts({ kind, process, deadline }: HookRow): string {
  return `${kind}, ${process}, ${deadline === "none" ? "no deadline" : deadline}`;
}

/** Reads the generated table (`scripts/docs/plugins.ts`). */
function readTable(reference: string): HookRow[] {
  const table = /<!-- generated: hooks -->\n(.*?)<!-- end: hooks -->/s.exec(reference)?.[1] ?? "";
  const [, , ...lines] = table.trim().split("\n");
  return lines.map((line) => {
    const cells = line.replaceAll("`", "").slice(2, -2).split(" | ");
    const [name = "", kind = "", process = "", deadline = "", event = "", purpose = ""] = cells;
    return { name, kind, process, deadline, event, purpose };
  });
}
