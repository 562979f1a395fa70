import { expect, test } from "bun:test";
import * as v from "valibot";
import { builtIns } from "../../../plugins/index.ts";
import { declareBuiltIns } from "../../../scripts/docs/options.ts";
import { coreOptions } from "../../../src/agent/options/index.ts";
import type { Option } from "../../../src/core/contracts/options.ts";
import { milliseconds, seconds } from "../../../src/agent/options/amounts.ts";

const declared = (await declareBuiltIns()).flatMap(({ owner, options }) =>
  options.map((option) => ({ owner, option })),
);
const schemas = new Map([
  ["core", coreOptions.config],
  ...(await Promise.all(
    Object.values(builtIns).map(async (load) => {
      const { name, config } = (await load()).default;
      return [name, config] as const;
    }),
  )),
]);
const numbers = declared.filter(({ option }) => isNumber(option) && option.key !== "logs-compression-size");
/** `start` refuses negative values of these with the reference's messages. */
const refusedByStart = ["disconnect-after-idle-timeout", "pod-start-timeout"];
/** Milliseconds of the units of options. */
const units: Readonly<Record<string, number>> = { seconds: 1000, milliseconds: 1 };

test.each(numbers.map(({ owner, option }) => [option.key, owner.name, option] as const))(
  "%s is a number with a range",
  async (_, owner, { name, hint, schema }) => {
    expect(numbers.length).toBeGreaterThan(20);
    const { minimum, exclusiveMinimum, maximum } = schema as Readonly<Record<string, number | undefined>>;
    if (hint !== "bytes") {
      if (!refusedByStart.includes(name)) expect(minimum ?? exclusiveMinimum).toBeGreaterThanOrEqual(0);
      expect(maximum).toBeLessThanOrEqual(2 ** 31 - 1);
    }
    const refused = refusedByStart.includes(name) ? [] : [-1];
    for (const value of [...refused, 1e300, Infinity, Number.NaN]) {
      const result = await schemas.get(owner)!["~standard"].validate({ [name]: value });
      const keys = (result.issues ?? []).map(({ path }) => Object(path?.[0]).key);
      expect(keys).toContain(name);
    }
  },
);

test.each(numbers.flatMap(({ option }) => (isTimed(option) ? [[option.key, option] as const] : [])))(
  "%s is a duration that a timer holds",
  (_, { hint, schema }) => {
    const { maximum } = schema as Readonly<Record<string, number>>;
    expect(maximum! * units[hint!]!).toBeLessThan(2 ** 31);
  },
);

test("the largest durations of plugins are durations that a timer holds", () => {
  expect(v.safeParse(seconds("a duration"), 2_147_484).success).toBe(false);
  expect(v.parse(seconds("a duration"), 1_000_000) * 1000).toBeLessThan(2 ** 31);
  expect(v.parse(milliseconds("a duration"), 1e9)).toBeLessThan(2 ** 31);
  expect(v.safeParse(milliseconds("a duration"), 2 ** 31).success).toBe(false);
});

function isNumber({ type, hint }: Option): boolean {
  return type.kind === "number" || type.kind === "integer" || hint === "bytes";
}

/** The control plane measures these two itself. */
function isTimed({ key, hint }: Option): boolean {
  return (
    units[hint ?? ""] !== undefined &&
    !["disconnect-after-idle-timeout", "interruption-grace-period"].includes(key)
  );
}
