import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { type NamedCheck, runChecks } from "./run-checks.ts";
import { warnOfHost } from "./host-warnings.ts";

const config = { file: undefined, options: [], of: () => undefined };
const options = { config, env: {}, deadlineMs: 10, signal: new AbortController().signal };

const named = (name: string, run: NamedCheck["check"]["run"]): NamedCheck => ({
  name,
  owner: "outside",
  check: { run },
});

test("a check that throws, returns no findings or misses its deadline is an error with the owner's name", async () => {
  const findings = await runChecks(
    [
      named("throws", () => {
        throw new Error("boom");
      }),
      named("empty", (() => undefined) as unknown as NamedCheck["check"]["run"]),
      named("hangs", () => new Promise(() => {})),
      named("works", () => [{ level: "ok", title: "in order" }]),
    ],
    options,
  );
  expect(findings.map(({ check, owner, level }) => [check, owner, level])).toEqual([
    ["throws", "outside", "error"],
    ["empty", "outside", "error"],
    ["hangs", "outside", "error"],
    ["works", "outside", "ok"],
  ]);
});

test("a state directory in memory is a warning, a missing one is not", async () => {
  const logger = createRecordingLogger();
  await warnOfHost({ logger, env: {}, stateDirectory: "/dev/shm" });
  await warnOfHost({ logger, env: {}, stateDirectory: "/no/such/directory" });
  expect(logger.entries.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'warn: the state directory "/dev/shm" is on tmpfs: a restart of the machine loses jobs and logs',
  ]);
});
