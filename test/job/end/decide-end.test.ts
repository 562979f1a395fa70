import { expect, test } from "bun:test";
import type { JobSummary } from "../../../src/core/contracts/job-summary.ts";
import { type Death, decideEnd, type FoundResult } from "../../../src/job/end/decide-end.ts";
import type { UnstoredResult } from "../../../src/job/control/messages.ts";

const log = { events: 7, bytes: 700, droppedBytes: 0 };
const times = { startedAt: 1, finishedAt: 6 };
const passed: JobSummary = { result: "passed", times, durationMs: 5, log };
const stopped: JobSummary = { result: "stopped", times, durationMs: 5, log };
const whole: UnstoredResult = { summary: stopped, isLogWhole: true, reason: "no space" };
const cut: UnstoredResult = { ...whole, isLogWhole: false };
const killed: Death = { reason: "killed", isRestart: false, isUnlocked: false };
const restart: Death = { ...killed, isRestart: true };
const unlocked: Death = { ...killed, isUnlocked: true };
const damaged: Death = { ...killed, recordFault: "the record is damaged" };
const fault: FoundResult = { fault: "the result is damaged" };

const complete = (summary: JobSummary) => ({ is: "complete", summary });
const dead = (reason: string, { kind = "died", isLogTrusted = true } = {}) => ({
  is: "dead",
  reason,
  kind,
  isLogTrusted,
});
const reported = { is: "cut", reason: "no space", summary: stopped };

test.each([
  // found, reported, died, decision
  [{ summary: passed }, undefined, undefined, complete(passed)],
  [{ summary: passed }, whole, undefined, complete(passed)],
  [{ summary: passed }, cut, killed, complete(passed)],
  [{}, undefined, undefined, undefined],
  [{}, whole, undefined, complete(stopped)],
  [{}, whole, killed, complete(stopped)],
  [{}, cut, undefined, undefined],
  [{}, cut, killed, reported],
  [{}, cut, restart, reported],
  [{}, undefined, killed, dead("killed")],
  [{}, undefined, restart, dead("the machine was restarted while the job ran")],
  [
    {},
    undefined,
    unlocked,
    dead("the job removed or replaced the lock of its process", { kind: "tampered", isLogTrusted: false }),
  ],
  [{}, undefined, damaged, dead("killed; the record is damaged")],
  [fault, undefined, undefined, undefined],
  [fault, undefined, killed, dead("killed; the result is damaged", { isLogTrusted: false })],
  [fault, whole, undefined, complete(stopped)],
  [fault, cut, killed, reported],
] as const satisfies [FoundResult, UnstoredResult | undefined, Death | undefined, unknown][])(
  "found %j, reported %j, died %j: %j",
  (found, unstored, died, decision) => {
    expect(died ? decideEnd(found, unstored, died) : decideEnd(found, unstored)).toEqual(decision as never);
  },
);
