import * as v from "valibot";

/** The schema of a size: a number of bytes, or a text with a unit. The output is bytes. */
export function bytes(description: string) {
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.description(description),
    v.metadata({ hint: "bytes" }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const size = toBytes(String(dataset.value));
      if (size !== undefined) return size;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
}

const expected = "expected bytes, such as 512MiB, 1GiB or 1000000";

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

function toBytes(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([kmgt]?i?b?)$/i.exec(text) ?? [];
  const factor = byteUnits[unit?.toLowerCase() ?? ""];
  const bytes = Math.round(Number(digits) * (factor ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
