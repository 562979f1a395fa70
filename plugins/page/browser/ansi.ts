/** A part of a row with one style. */
export interface Run {
  readonly text: string;
  readonly classes: string;
  /** Colours that no class has, as CSS. */
  readonly color?: string | undefined;
  readonly background?: string | undefined;
}

interface Style {
  flags: Set<string>;
  foreground: string;
  background: string;
}

const sequences =
  // oxlint-disable-next-line no-control-regex
  /\x1b\[([0-?]*)[ -/]*([@-~])?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?/g;

// oxlint-disable-next-line no-control-regex
const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;
/** They change the order in which text is shown. */
const reorder = /[\u202a-\u202e\u2066-\u2069]/g;

/** Splits a row into runs of one style. All other control sequences are dropped. */
export function toRuns(row: string): Run[] {
  const runs: Run[] = [];
  const style: Style = { flags: new Set(), foreground: "", background: "" };
  let at = 0;
  const add = (text: string): void => {
    const shown = text.replaceAll(controls, "").replaceAll(reorder, "\ufffd");
    if (shown !== "") runs.push(toRun(shown, style));
  };
  for (const match of row.matchAll(sequences)) {
    add(row.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") applyStyle(style, match[1] ?? "");
  }
  add(row.slice(at));
  return runs;
}

function toRun(text: string, { flags, foreground, background }: Style): Run {
  const [color, ground] = flags.has("inverse")
    ? [background || "ground", foreground || "ink"]
    : [foreground, background];
  const classes = [...flags].filter((flag) => flag !== "inverse");
  if (color !== "" && !color.startsWith("#")) classes.push(`f-${color}`);
  if (ground !== "" && !ground.startsWith("#")) classes.push(`b-${ground}`);
  return {
    text,
    classes: classes.join(" "),
    color: color.startsWith("#") ? color : undefined,
    background: ground.startsWith("#") ? ground : undefined,
  };
}

const flagsOn: Readonly<Record<number, string>> = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  9: "strike",
};
const flagsOff: Readonly<Record<number, readonly string[]>> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
};

function applyStyle(style: Style, parameters: string): void {
  const codes = parameters.split(/[;:]/).map(Number);
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) {
      style.flags.clear();
      style.foreground = "";
      style.background = "";
    } else if (flagsOn[code] !== undefined) style.flags.add(flagsOn[code]);
    else if (flagsOff[code] !== undefined) flagsOff[code].forEach((flag) => style.flags.delete(flag));
    else if (code === 38 || code === 48) {
      const { colour, used } = readColour(codes.slice(index + 1));
      index += used;
      if (code === 38) style.foreground = colour;
      else style.background = colour;
    } else applyColour(style, code);
  }
}

function applyColour(style: Style, code: number): void {
  if (code >= 30 && code <= 37) style.foreground = String(code - 30);
  else if (code >= 90 && code <= 97) style.foreground = String(code - 82);
  else if (code >= 40 && code <= 47) style.background = String(code - 40);
  else if (code >= 100 && code <= 107) style.background = String(code - 92);
  else if (code === 39) style.foreground = "";
  else if (code === 49) style.background = "";
}

function readColour([kind, ...rest]: readonly number[]): { readonly colour: string; readonly used: number } {
  if (kind === 5) return { colour: toIndexed(rest[0] ?? 0), used: 2 };
  if (kind === 2) return { colour: toHex(rest.slice(0, 3)), used: 4 };
  return { colour: "", used: 1 };
}

/** The 256 colours of xterm: 16 of the theme, a cube, and shades of grey. */
function toIndexed(index: number): string {
  if (index < 16) return String(index);
  if (index >= 232) return toHex(Array<number>(3).fill((index - 232) * 10 + 8));
  const level = (step: number): number => (step === 0 ? 0 : step * 40 + 55);
  const cube = index - 16;
  return toHex([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level));
}

function toHex(parts: readonly number[]): string {
  return `#${parts
    .map((part) =>
      Math.min(255, Math.max(0, part | 0))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}
