import { expect, test } from "bun:test";
import { createNoiseFilter } from "../../../src/kit/session/noise.ts";

/**
 * Passes pieces between two commands through a filter that expects the echo of a line; returns what each of
 * them let out.
 */
function filter(echo: string, pieces: readonly string[]): string[] {
  const noise = createNoiseFilter();
  noise.expect({ echo: `${echo}\n`, trace: undefined });
  return pieces.map((piece) => {
    let shown = "";
    noise.between(Buffer.from(piece), (bytes) => (shown += Buffer.from(bytes).toString()));
    return shown;
  });
}

test("the echo of a line is removed, wherever it is cut", () => {
  expect(filter(". /command", ["prompt> ", ". /com", "mand\r", "\nrest"]).join("")).toBe("prompt> rest");
});

test("output that contains the line, and goes on, is not held back", () => {
  const shown = filter(". /command", [
    "a . /command and ",
    ...Array<string>(1000).fill("more"),
    ". /command\r\nend",
  ]);
  expect(shown.slice(0, 1000).join("").length).toBeGreaterThan(3900);
  expect(shown.join("")).toBe(`a . /command and ${"more".repeat(1000)}end`);
});

test("output that was passed on once is not passed on again after its receiver failed", () => {
  const noise = createNoiseFilter();
  noise.expect({ echo: ". /command\n", trace: undefined });
  const received: string[] = [];
  const pass = (piece: string, fault?: Error) =>
    noise.between(Buffer.from(piece), (bytes) => {
      received.push(Buffer.from(bytes).toString());
      if (fault) throw fault;
    });
  const fault = new Error("no room");
  expect(() => pass("a . /command b", fault)).toThrow(fault);
  expect(() => pass("more and more output", fault)).toThrow(fault);
  pass(". /command\r\nend");
  expect(received.join("")).toBe("a . /command bmore and more outputend");
});
