import { expect, test } from "bun:test";
import { toSeconds } from "../../../src/os/systemd/time-span.ts";
import { toServiceUnit, toShutdownSeconds, toUnitSettings } from "../../../src/os/systemd/unit-settings.ts";
import { parseUnit } from "../../../src/os/systemd/unit-file.ts";
import { textOf } from "../../project.ts";

const settings = toUnitSettings({ shutdownSeconds: 1330 });

test.each([
  ["90", 90],
  ["1min 30s", 90],
  ["17min 10s", 1030],
  ["2h", 7200],
  ["500ms", 0.5],
  ["infinity", Number.POSITIVE_INFINITY],
  ["soon", undefined],
  ["3 parsecs", undefined],
])("%s as a time span of systemd has %p seconds", (text, seconds) => {
  expect(toSeconds(text)).toBe(seconds);
});

test("the shutdown takes as long as all options that delay it, whoever owns them", () => {
  const option = (key: string, value: unknown, delaysShutdown: boolean) => ({
    owner: "any",
    key,
    value,
    delaysShutdown,
    secret: false,
    source: { kind: "default", name: "default" } as const,
  });
  const options = [option("grace", 10, true), option("sync-interval", 5, false), option("upload", 300, true)];
  expect(toShutdownSeconds({ file: undefined, options, of: () => undefined })).toBe(120 + 310);
});

test("a generated unit has all settings", () => {
  const service = parseUnit([toServiceUnit({ shutdownSeconds: 1330, command: "/bin/agent start" })]);
  expect(settings.filter(({ name, isRight }) => !isRight(service.get(name)?.at(-1) ?? ""))).toEqual([]);
});

test("none of systemd's defaults is suitable", () => {
  const shown = ["control-group", "15", "no", "stop", "1min 30s", ""];
  expect(settings.filter(({ isRight }, index) => isRight(shown[index]!))).toEqual([]);
});

test("the example unit has all settings", () => {
  const service = parseUnit([textOf("docs/examples/signalman.service")]);
  const wrong = settings.filter(({ name, isRight }) => !isRight(service.get(name)?.at(-1) ?? ""));
  expect(wrong.map(({ name }) => name)).toEqual([]);
});
