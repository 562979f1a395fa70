import { expect, test } from "bun:test";
import fc from "fast-check";
import { hookTable } from "../../../src/core/contracts/hooks.ts";
import { nearest, toHint } from "../../../src/core/text/nearest.ts";

const hooks = Object.keys(hookTable);

test("a name with one wrong, missing or additional letter is found", () => {
  const typo = fc.tuple(fc.constantFrom(...hooks), fc.nat(), fc.constantFrom("", "x", "xy"));
  fc.assert(
    fc.property(typo, ([name, place, letters]) => {
      const at = place % name.length;
      expect(nearest(name.slice(0, at) + letters + name.slice(at + 1), hooks)).toContain(name);
    }),
  );
});

test("the nearest comes first, and case does not count", () => {
  expect(nearest("JOB:START", hooks)[0]).toBe("job:start");
  expect(nearest("job:ends", hooks)[0]).toBe("job:end");
});

test("without a near name the known names are listed, unless there are many", () => {
  expect(toHint("job:strat", ["job:start", "agent:exit"])).toBe(" (nearest: job:start)");
  expect(toHint("zzzzzz", ["shell", "docker"])).toBe(" (known: shell, docker)");
  expect(toHint("zzzzzz", [])).toBe("");
  expect(
    toHint(
      "zzzzzz",
      Array.from({ length: 21 }, (_, index) => `name-${index}`),
    ),
  ).toBe("");
});
