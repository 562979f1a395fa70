import { randomHex } from "../../core/text/random.ts";

/** A message of the shell to the session, within its output. */
export interface Marker {
  readonly nonce: string;
  /** `S`tart and `E`nd of a command, back at the `P`rompt without an end marker, e`X`it of the shell. */
  readonly kind: "S" | "E" | "P" | "X";
  readonly fields: readonly string[];
}

export interface MarkerScanner {
  /** Splits a piece of the stream. The bytes passed to `onOutput` are valid only during the call. */
  push(bytes: Uint8Array): void;
  /** Passes on the bytes that are held back as the possible beginning of a marker. */
  flush(): void;
  /** Number of bytes that were passed on or belong to markers; within `onMarker`, this marker included. */
  readonly position: number;
  /** Whether bytes are held back. */
  readonly isHolding: boolean;
}

/**
 * Begins every marker, so that one search finds all of them. The nonce behind it proves that a marker is
 * genuine.
 */
const opening = Buffer.from("\x01SIGNALMAN");
const closing = 0x02;
/** Maximum length of a genuine marker. */
const maxLength = 256;

/** Returns 128 random bits as capitals and digits, which no terminal setting changes. */
export function createNonce(): string {
  return randomHex(16).toUpperCase();
}

/**
 * Returns shell text that prints a marker to standard output. `nonce` and `fields` are shell words. Neither
 * the text nor its echo or trace is a marker, since the nonce is apart from the opening.
 */
export function printMarker(nonce: string, kind: Marker["kind"], fields: readonly string[] = []): string {
  const format = `\\001SIGNALMAN%s${kind}${" %s".repeat(fields.length)}\\002`;
  return [`printf '${format}' ${nonce}`, ...fields].join(" ");
}

/** Returns a marker as it is in the output. */
export function formatMarker({ nonce, kind, fields }: Marker): Uint8Array {
  return Buffer.from(`${opening}${nonce}${[kind, ...fields].join(" ")}\x02`);
}

/**
 * Finds the markers in a stream, also across the borders of its pieces. `isOurs` tells whether a nonce is
 * genuine.
 */
export function createMarkerScanner(options: {
  isOurs: (nonce: string) => boolean;
  onOutput: (bytes: Uint8Array) => void;
  onMarker: (marker: Marker) => void;
  /** The position of the first byte. Default: 0. */
  position?: number;
}): MarkerScanner {
  const { isOurs, onOutput, onMarker } = options;
  let held: Buffer = Buffer.alloc(0);
  let position = options.position ?? 0;

  function emit(bytes: Uint8Array) {
    position += bytes.length;
    if (bytes.length > 0) onOutput(bytes);
  }

  return {
    get position() {
      return position;
    },
    get isHolding() {
      return held.length > 0;
    },
    push(bytes) {
      let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (held.length > 0) rest = Buffer.concat([held, rest]);
      held = Buffer.alloc(0);
      let from = 0;
      while (from < rest.length) {
        const at = rest.indexOf(opening, from);
        if (at < 0) break;
        const end = rest.subarray(0, at + maxLength).indexOf(closing, at);
        if (end < 0 && rest.length < at + maxLength) {
          emit(rest.subarray(0, at));
          held = Buffer.from(rest.subarray(at));
          return;
        }
        const marker = end < 0 ? undefined : toMarker(rest.toString("latin1", at + opening.length, end));
        if (marker === undefined || !isOurs(marker.nonce)) {
          from = at + 1;
          continue;
        }
        emit(rest.subarray(0, at));
        position += end + 1 - at;
        onMarker(marker);
        rest = rest.subarray(end + 1);
        from = 0;
      }
      const keep = beginningLength(rest);
      emit(rest.subarray(0, rest.length - keep));
      if (keep > 0) held = Buffer.from(rest.subarray(rest.length - keep));
    },
    flush() {
      const bytes = held;
      held = Buffer.alloc(0);
      emit(bytes);
    },
  };
}

function toMarker(text: string): Marker | undefined {
  const match = /^([0-9A-F]{32})([SEPX])((?: [^ ]*)*)$/.exec(text);
  if (!match) return undefined;
  const [, nonce = "", kind, fields = ""] = match;
  return { nonce, kind: kind as Marker["kind"], fields: fields === "" ? [] : fields.slice(1).split(" ") };
}

/** Returns the number of bytes at the end that could be the beginning of {@link opening}. */
function beginningLength(bytes: Buffer): number {
  const at = bytes.lastIndexOf(opening[0]!);
  if (at < 0 || bytes.length - at >= opening.length) return 0;
  return opening.subarray(0, bytes.length - at).equals(bytes.subarray(at)) ? bytes.length - at : 0;
}
