import { toPrintable } from "signalman";
import type { Diagnosis } from "./run-checks.ts";

export interface RenderOptions {
  readonly isColoured: boolean;
  /** Width of the terminal, at which texts are wrapped. Left out: they are not. */
  readonly columns?: number | undefined;
}

/** Renders the diagnoses by owner, and a summary. */
export function renderDiagnoses(
  diagnoses: readonly Diagnosis[],
  { isColoured, columns }: RenderOptions,
): string {
  const paint = (text: string, code: number) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [...Map.groupBy(diagnoses, ({ owner }) => owner)].flatMap(([owner, found]) => [
    paint(owner, 1),
    ...found.flatMap(({ level, title, detail, remedy }) => {
      const [first = "", ...others] = wrap(toPrintable(title).replaceAll("\n", " "), columns);
      return [
        `  ${paint(level.padEnd(7), colours[level])}  ${first}`,
        ...[...others, ...toLines(detail, columns), ...toLines(remedy && `remedy: ${remedy}`, columns)].map(
          indent,
        ),
      ];
    }),
    "",
  ]);
  return [...lines, summarize(diagnoses)].join("\n");
}

const colours = { ok: 32, warning: 33, error: 31 } as const;

const margin = 11;
const leastColumns = 20;

const indent = (line: string): string => `${" ".repeat(margin)}${line}`;

function toLines(text: string | undefined, columns: number | undefined): string[] {
  if (!text) return [];
  return toPrintable(text)
    .trimEnd()
    .split("\n")
    .flatMap((line) => wrap(line, columns));
}

/** Wraps a line at spaces. A word that is too long, such as a path, is not broken. */
function wrap(line: string, columns: number | undefined): string[] {
  if (columns === undefined) return [line];
  return Bun.wrapAnsi(line, Math.max(leastColumns, columns - margin), { trim: false })
    .split("\n")
    .map((part) => part.trimEnd());
}

function summarize(diagnoses: readonly Diagnosis[]): string {
  const count = (wanted: Diagnosis["level"]) => diagnoses.filter(({ level }) => level === wanted).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const plural = (many: number, word: string) => `${many} ${word}${many === 1 ? "" : "s"}`;
  return `${plural(errors, "error")}, ${plural(warnings, "warning")}, ${count("ok")} ok`;
}
