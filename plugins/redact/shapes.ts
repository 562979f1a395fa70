import { createLineRunReader, type LineRun } from "./line-run.ts";

/**
 * The format of a kind of token: one of the prefixes, then the parts. A run takes all bytes of its kind, and
 * their number must be within its bounds.
 */
export interface Shape {
  readonly name: string;
  /** At least four bytes each; a run of at least two follows a prefix of fewer than six. */
  readonly prefixes: readonly string[];
  readonly parts: readonly ShapePart[];
}

export type ShapePart = { readonly text: string } | Run | LineRun;

export interface Run {
  /** By byte: 1 when it belongs to the run. */
  readonly bytes: Uint8Array;
  readonly min: number;
  readonly max: number;
}

/** Lists the formats of tokens that are recognised, whichever variable they come from. */
export function tokenShapes(): Shape[] {
  const letters = "A-Za-z0-9";
  const words = "A-Za-z0-9_-";
  const dotted = "A-Za-z0-9_.-";
  // A line of a key in PEM, also where line ends are written as `\n`.
  const pemBody = run("A-Za-z0-9+/=\r\n\\", 64, 16 * 1024);
  const pemLines: LineRun = { lineBytes: membersOf("A-Za-z0-9+/="), min: 60, max: 32 * 1024 };
  const kinds = ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "];
  const headers = kinds.map((kind) => `BEGIN ${kind}PRIVATE KEY-----`);
  return [
    shape("GitHub", ["ghp_", "gho_", "ghu_", "ghr_"], run(letters, 36, 255)),
    shape("GitHub installation", ["ghs_"], run(dotted, 36, 1024)),
    shape("GitHub fine-grained", ["github_pat_"], run("A-Za-z0-9_", 50, 255)),
    shape(
      "GitLab",
      ["glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glft-", "glsoat-", "glagent-"],
      run(dotted, 20, 255),
    ),
    shape("AWS key id", ["AKIA", "ASIA"], run("A-Z2-7", 16, 16)),
    shape("Slack", ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-"], run(`${letters}-`, 20, 255)),
    shape("Slack webhook", ["hooks.slack.com/services/"], run(`${letters}/`, 40, 100)),
    shape("Google API", ["AIzaSy"], run(words, 33, 33)),
    shape("Google OAuth", ["GOCSPX-"], run(words, 28, 28)),
    shape("Stripe", ["sk_live_", "rk_live_"], run(letters, 16, 255)),
    shape("npm", ["npm_"], run(letters, 36, 36)),
    shape("PyPI", ["pypi-AgE"], run(words, 50, 1024)),
    shape("Docker Hub", ["dckr_pat_", "dckr_oat_"], run(words, 20, 64)),
    shape("Vault", ["hvs.CAES"], run(words, 40, 255)),
    shape("DigitalOcean", ["dop_v1_", "doo_v1_"], run("a-f0-9", 64, 64)),
    shape("Anthropic, OpenAI", ["sk-ant-", "sk-proj-"], run(words, 32, 255)),
    shape("age", ["AGE-SECRET-KEY-1"], run("A-Z0-9", 58, 58)),
    // `{"alg":` and similar headers in base64, with a payload that is an object.
    shape(
      "JSON Web Token",
      ["alg", "typ", "kid", "enc", "cty", "jku", "jwk", "x5t", "x5c", "x5u", "zip", "b64"].map((name) =>
        Buffer.from(`{"${name}"`).toString("base64"),
      ),
      run(words, 4, 1024),
      { text: ".eyJ" },
      run(words, 8, 8192),
      { text: "." },
      run(words, 32, 1400),
    ),
    shape("private key", headers, pemBody),
    shape("private key in lines", headers, pemLines),
    shape("PGP private key", ["BEGIN PGP PRIVATE KEY BLOCK-----"], pemBody),
    // The end of the header of a private key with a passphrase.
    shape("encrypted private key", ["DEK-Info: "], run("A-Z0-9-", 3, 20), { text: "," }, pemBody),
    shape("encrypted private key in lines", ["DEK-Info: "], run("A-Z0-9-", 3, 20), { text: "," }, pemLines),
  ];
}

/** Returns the maximum size of a token. */
export function longestToken(shapes: readonly Shape[]): number {
  const sizes = shapes.map(
    ({ prefixes, parts }) =>
      Math.max(...prefixes.map(({ length }) => length)) +
      parts.reduce((size, part) => size + ("text" in part ? part.text.length : part.max), 0),
  );
  return Math.max(0, ...sizes);
}

function shape(name: string, prefixes: readonly string[], ...parts: ShapePart[]): Shape {
  return { name, prefixes, parts };
}

function run(kind: string, min: number, max: number): Run {
  return { bytes: membersOf(kind), min, max };
}

/** Returns a table by byte: 1 when it belongs to `kind`: single characters, and ranges such as `a-z`. */
export function membersOf(kind: string): Uint8Array {
  const known = members.get(kind) ?? findMembers(kind);
  members.set(kind, known);
  return known;
}

const members = new Map<string, Uint8Array>();

function findMembers(kind: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const [, first, last] of kind.matchAll(/([^])(?:-([^]))?/g))
    table.fill(1, first!.charCodeAt(0), (last ?? first)!.charCodeAt(0) + 1);
  return table;
}

/** Measures shapes in one piece of data; no byte of a run is examined twice. */
export interface ShapeReader {
  /**
   * Returns the length of the shape after its prefix, which ends at `from`; -1 when it is none; `undefined`
   * when more data is needed.
   */
  measure(data: Uint8Array, from: number, final: boolean): number | undefined;
  /** Prepares for new data. */
  reset(): void;
}

export function createShapeReader(parts: readonly ShapePart[]): ShapeReader {
  const known = parts.map(() => ({ from: 0, to: -1 }));
  const texts = parts.map((part) => ("text" in part ? Buffer.from(part.text) : undefined));
  const lineRuns = parts.map((part) => ("lineBytes" in part ? createLineRunReader(part) : undefined));

  /** Returns the end of the run at `from`, or a position at which it is too long. */
  function runEnd(index: number, { bytes, max }: Run, data: Uint8Array, from: number): number {
    const seen = known[index]!;
    let to = from >= seen.from && from <= seen.to ? seen.to : from;
    const last = Math.min(data.length, from + max + 1);
    while (to < last && bytes[data[to]!] === 1) to += 1;
    known[index] = { from, to };
    return to;
  }

  return {
    measure(data, from, final) {
      let at = from;
      for (const [index, part] of parts.entries()) {
        const text = texts[index];
        if (text) {
          for (const byte of text) {
            if (at === data.length) return final ? -1 : undefined;
            if (data[at] !== byte) return -1;
            at += 1;
          }
          continue;
        }
        const lines = lineRuns[index];
        if (lines) {
          const end = lines.measure(data, at, final);
          if (end === undefined || end < 0) return end;
          at = end;
          continue;
        }
        const { min, max } = part as Run;
        const end = runEnd(index, part as Run, data, at);
        if (end - at > max) return -1;
        if (end === data.length && !final) return undefined;
        if (end - at < min) return -1;
        at = end;
      }
      return at - from;
    },
    reset() {
      for (const run of known) run.to = -1;
      for (const run of lineRuns) run?.reset();
    },
  };
}
