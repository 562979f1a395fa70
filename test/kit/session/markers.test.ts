import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  createMarkerScanner,
  createNonce,
  type Marker,
  printMarker,
} from "../../../src/kit/session/markers.ts";

const ours = "0123456789ABCDEF0123456789ABCDEF";

/** Output that resembles markers. */
const output = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "\x01",
    "\x01SIGNAL",
    "\x01SIGNALMAN",
    "\x02",
    `\x01SIGNALMAN${"F".repeat(32)}E 0\x02`,
    ours,
  ),
  fc.constant(`\x01SIGNALMAN${ours}Q\x02`),
);
const marker = fc
  .tuple(
    fc.constantFrom("S", "E", "P", "X"),
    fc.array(fc.stringMatching(/^[A-Za-z0-9-]{0,8}$/), { maxLength: 6 }),
  )
  .map(([kind, fields]) => ({ nonce: ours, kind: kind as Marker["kind"], fields }));

test("output and markers are separated correctly for any chunks of the stream", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(output, marker), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (parts, cuts) => {
        const stream = Buffer.concat(
          parts.map((part) =>
            typeof part === "string"
              ? Buffer.from(part)
              : Buffer.from(
                  `\x01SIGNALMAN${part.nonce}${part.kind}${part.fields.map((field) => ` ${field}`).join("")}\x02`,
                ),
          ),
        );
        const seen: (string | Marker)[] = [];
        const scanner = createMarkerScanner({
          isOurs: (nonce) => nonce === ours,
          onOutput: (bytes) => seen.push(Buffer.from(bytes).toString("latin1")),
          onMarker: (found) => seen.push(found),
        });
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          scanner.push(stream.subarray(at, at + size));
          at += size;
        }
        scanner.flush();
        expect(join(seen)).toEqual(
          join(parts.map((part) => (typeof part === "string" ? Buffer.from(part).toString("latin1") : part))),
        );
      },
    ),
  );
});

test("the shell command of a marker is not a marker, but prints one", () => {
  const nonce = createNonce();
  const text = printMarker(nonce, "E", ["$((1+2))", '"a"']);
  expect(text).not.toContain(`SIGNALMAN${nonce}`);
  const printed = Bun.spawnSync(["bash", "-c", text]).stdout.toString();
  expect(printed).toBe(`\x01SIGNALMAN${nonce}E 3 a\x02`);
});

test("a stream without markers is passed on without a copy", () => {
  const chunk = Buffer.from("plain output\n".repeat(1000));
  const seen: Uint8Array[] = [];
  const scanner = createMarkerScanner({
    isOurs: () => true,
    onOutput: (bytes) => seen.push(bytes),
    onMarker: () => {},
  });
  scanner.push(chunk);
  expect(seen).toHaveLength(1);
  expect(seen[0]!.buffer).toBe(chunk.buffer);
});

/** Joins chunks of output, which may be split at any place. */
function join(parts: readonly (string | Marker)[]): (string | Marker)[] {
  const joined: (string | Marker)[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else if (part !== "") joined.push(part);
  }
  return joined;
}
