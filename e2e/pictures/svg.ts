import type { Frame } from "./recording.ts";

export interface PictureOptions {
  readonly columns: number;
  readonly rows: number;
  readonly title: string;
}

/** Renders frames of a terminal as an SVG: a still one for one frame, otherwise an animation without an end. */
export function toSvg(frames: readonly Frame[], { columns, rows, title }: PictureOptions): string {
  const [width, height] = [columns * cellWidth + 2 * margin, rows * cellHeight + 2 * margin];
  const names = new Map<string, string>();
  const nameOf = (line: string): string => {
    const name = names.get(line) ?? `l${names.size.toString(36)}`;
    names.set(line, name);
    return name;
  };
  const film = frames.map(({ lines }, frame) =>
    lines.slice(0, rows).flatMap((line, row) => {
      if (Bun.stripANSI(line).trim() === "") return [];
      return [`<use href="#${nameOf(line)}" y="${frame * height + (row + 1) * cellHeight}"/>`];
    }),
  );
  const symbols = Array.from(names, ([line, name]) => `<text id="${name}">${toSpans(line)}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${baseStyle}${toAnimation(frames, height)}</style>`,
    `<defs>${symbols.join("")}</defs>`,
    `<rect width="${width}" height="${height}" rx="6" fill="${background}"/>`,
    `<svg x="${margin}" y="${margin - 4}" width="${columns * cellWidth}" height="${rows * cellHeight + 6}">`,
    `<g class="f">${film.flat().join("")}</g></svg></svg>\n`,
  ].join("\n");
}

const cellWidth = 8;
const cellHeight = 17;
const margin = 12;
const lastFrameMs = 4000;
const background = "#0d1117";
const foreground = "#d1d7e0";
/** The eight colours of a terminal, and their bright forms. */
const palette = [
  "#484f58",
  "#ff7b72",
  "#3fb950",
  "#d29922",
  "#58a6ff",
  "#bc8cff",
  "#39c5cf",
  "#b1bac4",
  "#6e7681",
  "#ffa198",
  "#56d364",
  "#e3b341",
  "#79c0ff",
  "#d2a8ff",
  "#56d4dd",
  "#f0f6fc",
];
const baseStyle = `text{font:13px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:${foreground}}.b{font-weight:bold}.d{opacity:.65}`;

/** Moves the film by one frame at each of the times, and shows the last one to readers who want no motion. */
function toAnimation(frames: readonly Frame[], height: number): string {
  if (frames.length < 2) return "";
  const end = frames.at(-1)!.atMs + lastFrameMs;
  const steps = frames.map(
    ({ atMs }, index) => `${((100 * atMs) / end).toFixed(2)}%{transform:translateY(${-index * height}px)}`,
  );
  const last = `translateY(${-(frames.length - 1) * height}px)`;
  return (
    `.f{animation:f ${(end / 1000).toFixed(1)}s step-end infinite}@keyframes f{${steps.join("")}}` +
    `@media(prefers-reduced-motion:reduce){.f{animation:none;transform:${last}}}`
  );
}

interface Style {
  readonly fill?: string | undefined;
  readonly isBold?: boolean;
  readonly isDim?: boolean;
}

/** Splits a line at its colours. Each part has a place of its own, whatever the width of the reader's font. */
function toSpans(line: string): string {
  let style: Style = {};
  let column = 0;
  let text = "";
  // oxlint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[\d;]*m|\u001b.|[\u000e\u000f])/)) {
    // oxlint-disable-next-line no-control-regex
    const codes = /^\u001b\[([\d;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) style = applyCodes(style, codes);
    // oxlint-disable-next-line no-control-regex
    else if (!/^[\u001b\u000e\u000f]/.test(part) && part !== "") {
      const width = Bun.stringWidth(part);
      if (part.trim() !== "") text += toSpan(part, style, { column, width });
      column += width;
    }
  }
  return text;
}

function toSpan(text: string, style: Style, { column, width }: { column: number; width: number }): string {
  const classes = [style.isBold ? "b" : "", style.isDim ? "d" : ""].filter(Boolean).join(" ");
  const attributes = [
    `x="${column * cellWidth}"`,
    `textLength="${width * cellWidth}"`,
    ...(style.fill === undefined ? [] : [`fill="${style.fill}" style="fill:${style.fill}"`]),
    ...(classes === "" ? [] : [`class="${classes}"`]),
  ];
  return `<tspan ${attributes.join(" ")}>${escape(text)}</tspan>`;
}

function applyCodes(style: Style, codes: string): Style {
  let now = style;
  for (const word of codes.split(";")) now = applyCode(now, Number(word));
  return now;
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return {};
  if (code === 1) return { ...style, isBold: true };
  if (code === 2) return { ...style, isDim: true };
  if (code === 22) return { ...style, isBold: false, isDim: false };
  if (code === 39) return { ...style, fill: undefined };
  if (code >= 30 && code <= 37) return { ...style, fill: palette[code - 30] };
  if (code >= 90 && code <= 97) return { ...style, fill: palette[code - 82] };
  return style;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
