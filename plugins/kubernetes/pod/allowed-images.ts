/** Whether jobs may use an image. */
export type IsAllowed = (image: string) => boolean;

/**
 * Compiles the patterns of `kubernetes-allowed-images`: regular expressions of Go, which match anywhere in
 * the name. Without patterns, all images are allowed (protocol section 6.4). Throws for a pattern that is
 * invalid in Go or cannot be translated.
 */
export function compileAllowedImages(patterns: readonly string[]): IsAllowed {
  const expressions = patterns.map(compile);
  return (image) => expressions.length === 0 || expressions.some((expression) => expression.test(image));
}

function compile(pattern: string): RegExp {
  const fail = (why: string) =>
    new Error(
      `"kubernetes-allowed-images": "${pattern}" cannot be used: ${why}; expected a regular expression of Go`,
    );
  const unsupported = findUnsupported(pattern);
  if (unsupported !== undefined) throw fail(unsupported);
  const [, flags = "", rest = ""] = /^(?:\(\?([ims]+)\))?([^]*)$/.exec(pattern) ?? [];
  try {
    return new RegExp(translate(rest), flags.includes("i") ? `i${flags.replaceAll("i", "")}` : flags);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error));
  }
}

/** Finds syntax that only JavaScript supports, and syntax of Go that is not translated. */
function findUnsupported(pattern: string): string | undefined {
  const unescaped = pattern.replaceAll(/\\[^1-9kCpPQE]/g, "");
  if (/\(\?(=|!|<=|<!)/.test(unescaped)) return "it has a lookahead or lookbehind";
  if (/\\[1-9k]/.test(unescaped)) return "it has a backreference";
  if (/\\[CpPQE]/.test(unescaped)) return "\\C, \\p and \\Q are not supported";
  if (/^(?:\(\?[imsU]+\))?[^]*\(\?[imsU-]+[:)]/.test(unescaped.replace(/^\(\?[ims]+\)/, "")))
    return "flags are supported at the start of an expression only";
  if (/[*+?}][+]/.test(unescaped)) return "it has a possessive or double repetition";
  return undefined;
}

const classes: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
  space: "\\t\\n\\v\\f\\r ",
  blank: "\\t ",
  punct: "!-\\/:-@\\[-`{-~",
};

function translate(pattern: string): string {
  return pattern
    .replaceAll(/\[:(\w+):\]/g, (text, name: string) => classes[name] ?? text)
    .replaceAll("(?P<", "(?<")
    .replaceAll("\\A", "^")
    .replaceAll("\\z", "$");
}
