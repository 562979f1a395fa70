import { expect, test } from "bun:test";
import { toSeconds } from "../../src/os/systemd/time-span.ts";
import { toServiceUnit, toUnitSettings } from "../../src/os/systemd/unit-settings.ts";
import { parseUnit } from "../../src/os/systemd/unit-file.ts";
import { textOf } from "../project.ts";

const settings = toUnitSettings({ leaveSeconds: 1330 });

test.each([
  ["90", 90],
  ["1min 30s", 90],
  ["17min 10s", 1030],
  ["2h", 7200],
  ["500ms", 0.5],
  ["infinity", Number.POSITIVE_INFINITY],
  ["soon", undefined],
  ["3 parsecs", undefined],
])("%s is a time span of systemd's, in seconds: %p", (text, seconds) => {
  expect(toSeconds(text)).toBe(seconds);
});

test("a unit with all recommended settings is accepted", () => {
  const service = parseUnit([toServiceUnit({ leaveSeconds: 1330, command: "/bin/agent start" })]);
  expect(settings.filter(({ name, isRight }) => !isRight(service.get(name)?.at(-1) ?? ""))).toEqual([]);
});

test("systemd's default is wrong for each setting", () => {
  const shown = ["control-group", "15", "no", "stop", "1min 30s", ""];
  expect(settings.filter(({ isRight }, index) => isRight(shown[index]!))).toEqual([]);
});

test("the example unit has all settings", () => {
  const service = parseUnit([textOf("docs/examples/signalman.service")]);
  const wrong = settings.filter(({ name, isRight }) => !isRight(service.get(name)?.at(-1) ?? ""));
  expect(wrong.map(({ name }) => name)).toEqual([]);
});
