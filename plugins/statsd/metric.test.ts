import { expect, test } from "bun:test";
import fc from "fast-check";
import { toLine } from "./metric.ts";

const text = fc.string({ unit: "binary" });
const metric = fc.record({
  type: fc.constantFrom("c", "ms", "g"),
  name: text,
  value: fc.oneof(fc.double(), fc.integer()),
  tags: fc.array(text, { maxLength: 5 }),
});

test("any texts and values give a valid line of the StatsD protocol", () => {
  fc.assert(
    fc.property(text, metric, (namespace, each) => {
      const line = toLine(namespace, each);
      if (line === undefined) {
        expect(each.value >= -0.5 && each.value <= Number.MAX_SAFE_INTEGER).toBe(false);
        return;
      }
      expect(line).toMatch(/^tagged\.[\w.-]*(\.[\w-]+){3}\.[\w.-]*:\d{1,16}\|(c|ms|g)$/);
      expect(line.length).toBeLessThan(1400);
      expect(Number(/:(\d+)\|/.exec(line)![1])).toBeCloseTo(each.value, -1);
    }),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300])("%d gives no line", (value) => {
  expect(toLine("a", { type: "g", name: "b", value, tags: [] })).toBeUndefined();
});

test("tags are cleaned as in the reference agent", () => {
  const line = toLine("agent.prod", { type: "c", name: "a.b", value: 1, tags: ["x/y:z", "..", "", "4th"] });
  expect(line).toBe("tagged.agent.prod.x_y_z._.no_tag.a.b:1|c");
});
