import { expect, test } from "bun:test";
import { createExecutorProgress } from "../../src/cli/job-view/progress.ts";

test("steps are shown together, each until it is disposed", () => {
  const progress = createExecutorProgress();
  expect(progress.read()).toBeUndefined();
  let layers = 0;
  const read = () => (layers === 0 ? undefined : `${layers} layers`);
  const pull = progress.show(read);
  expect(progress.read()).toBeUndefined();
  layers = 3;
  using _pod = progress.show(() => "Pending");
  expect(progress.read()).toBe("3 layers; Pending");
  const again = progress.show(read);
  pull[Symbol.dispose]();
  expect(progress.read()).toBe("Pending; 3 layers");
  again[Symbol.dispose]();
  again[Symbol.dispose]();
  expect(progress.read()).toBe("Pending");
});

test("a step that throws is asked once", () => {
  const progress = createExecutorProgress();
  let asked = 0;
  using _broken = progress.show(() => {
    asked += 1;
    throw new Error("broken");
  });
  using _sound = progress.show(() => "Pending");
  expect([progress.read(), progress.read(), asked]).toEqual(["Pending", "Pending", 1]);
});
