import { toForms, toLines } from "../encodings.ts";
import { mask } from "../redactor.ts";

export interface NaivelyMasked {
  readonly text: string;
  readonly count: number;
  readonly bytes: number;
}

/** Shapes as their owners describe them; anchored where they are tried. */
const shapes: readonly RegExp[] = [
  /gh[pour]_[A-Za-z0-9]{36,255}(?![A-Za-z0-9])/y,
  /ghs_[A-Za-z0-9_.-]{36,1024}(?![A-Za-z0-9_.-])/y,
  /github_pat_[A-Za-z0-9_]{50,255}(?![A-Za-z0-9_])/y,
  /gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_.-]{20,255}(?![A-Za-z0-9_.-])/y,
  /A[KS]IA[A-Z2-7]{16}(?![A-Z2-7])/y,
  /xox[bparse]-[A-Za-z0-9-]{20,255}(?![A-Za-z0-9-])/y,
  /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/y,
  /AIzaSy[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/y,
  /[sr]k_live_[A-Za-z0-9]{16,255}(?![A-Za-z0-9])/y,
  /(?:eyJhbGci|eyJ0eXAi|eyJraWQi)[\w-]{4,1024}\.eyJ[\w-]{8,8192}\.[\w-]{32,1400}(?![\w-])/y,
  /BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----[A-Za-z0-9+/=\r\n\\]{64,16384}(?![A-Za-z0-9+/=\r\n\\])/y,
];

/**
 * A simple and slow reference implementation of the redactor, for a whole text with one character per byte.
 */
export function redactNaively(
  text: string,
  secrets: readonly (string | Uint8Array)[],
  withShapes = false,
): NaivelyMasked {
  const hits: [start: number, end: number][] = [];
  for (const form of secrets
    .flatMap((secret) => [secret, ...toLines(secret)])
    .flatMap(toForms)
    .map((bytes) => Buffer.from(bytes).toString("latin1"))) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1))
      hits.push([at, at + form.length]);
  }
  for (let at = withShapes ? 0 : text.length; at < text.length; at += 1) {
    for (const shape of shapes) {
      shape.lastIndex = at;
      const found = shape.exec(text);
      if (found) hits.push([at, at + found[0].length]);
    }
  }
  hits.sort(([a], [b]) => a - b);
  const regions: [start: number, end: number][] = [];
  for (const [start, end] of hits) {
    const last = regions.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else regions.push([start, end]);
  }
  let masked = "";
  let done = 0;
  for (const [start, end] of regions) {
    masked += text.slice(done, start) + mask;
    done = end;
  }
  const bytes = regions.reduce((sum, [start, end]) => sum + end - start, 0);
  return { text: masked + text.slice(done), count: regions.length, bytes };
}
