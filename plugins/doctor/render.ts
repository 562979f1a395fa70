import { toPrintable } from "signalman";
import type { Diagnosis } from "./run-checks.ts";

/** Renders the diagnoses by owner, and a summary. */
export function renderDiagnoses(
  diagnoses: readonly Diagnosis[],
  { isColoured }: { readonly isColoured: boolean },
): string {
  const paint = (text: string, code: number) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [...Map.groupBy(diagnoses, ({ owner }) => owner)].flatMap(([owner, found]) => [
    paint(owner, 1),
    ...found.flatMap(({ level, title, detail, remedy }) => [
      `  ${paint(level.padEnd(7), colours[level])}  ${toPrintable(title).replaceAll("\n", " ")}`,
      ...indent(detail),
      ...indent(remedy && `remedy: ${remedy}`),
    ]),
    "",
  ]);
  return [...lines, summarize(diagnoses)].join("\n");
}

const colours = { ok: 32, warning: 33, error: 31 } as const;

function indent(text: string | undefined): string[] {
  if (!text) return [];
  return toPrintable(text)
    .trimEnd()
    .split("\n")
    .map((line) => `           ${line}`);
}

function summarize(diagnoses: readonly Diagnosis[]): string {
  const count = (wanted: Diagnosis["level"]) => diagnoses.filter(({ level }) => level === wanted).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const plural = (many: number, word: string) => `${many} ${word}${many === 1 ? "" : "s"}`;
  return `${plural(errors, "error")}, ${plural(warnings, "warning")}, ${count("ok")} ok`;
}
