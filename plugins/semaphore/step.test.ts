import { describe, expect, test } from "bun:test";
import type { Failure } from "./client.ts";
import { createMachine, type Event, type Machine, type Rules, toRequest } from "./machine.ts";
import { step } from "./step.ts";
import type { SyncAction, SyncState } from "./wire.ts";

const rules: Rules = {
  singleJob: false,
  gracePeriod: 10,
  syncGiveUpMs: 600_000,
  busyGiveUpMs: 900_000,
  goneGiveUpMs: 60_000,
  interruptGiveUpMs: 60_000,
};

const go: SyncAction = { kind: "continue" };
const wait: SyncAction = { kind: "wait-for-jobs" };
const run: SyncAction = { kind: "run-job", jobId: "b" };
const stop: SyncAction = { kind: "stop-job", jobId: "a" };
const leave: SyncAction = { kind: "shutdown", reason: "idle" };
const strange: SyncAction = { kind: "unknown", word: "dance" };

describe("an answer to the state that it is in", () => {
  test.each<[SyncState, SyncAction, string, string[]]>([
    ["waiting-for-jobs", go, "waiting-for-jobs", []],
    ["waiting-for-jobs", wait, "waiting-for-jobs", []],
    ["waiting-for-jobs", strange, "waiting-for-jobs", []],
    ["waiting-for-jobs", stop, "waiting-for-jobs", []],
    ["waiting-for-jobs", run, "starting-job", ["fetch"]],
    ["waiting-for-jobs", leave, "left: idle", ["leave"]],
    ["starting-job", go, "starting-job", []],
    ["starting-job", wait, "starting-job", []],
    ["starting-job", run, "starting-job", []],
    ["starting-job", stop, "stopping-job", ["stop"]],
    ["running-job", go, "running-job", []],
    ["running-job", wait, "running-job", []],
    ["running-job", strange, "running-job", []],
    ["running-job", run, "running-job", []],
    ["running-job", stop, "stopping-job", ["stop"]],
    ["running-job", { kind: "stop-job", jobId: "" }, "stopping-job", ["stop"]],
    ["running-job", { kind: "stop-job", jobId: "x" }, "running-job", []],
    ["running-job", leave, "stopping-job", ["stop"]],
    ["stopping-job", go, "stopping-job", []],
    ["stopping-job", stop, "stopping-job", []],
    ["stopping-job", wait, "stopping-job", []],
    ["stopping-job", leave, "stopping-job", []],
    ["finished-job", wait, "waiting-for-jobs", ["release"]],
    ["finished-job", go, "waiting-for-jobs", ["release"]],
    ["finished-job", strange, "waiting-for-jobs", ["release"]],
    ["finished-job", { kind: "run-job", jobId: "a" }, "waiting-for-jobs", ["release"]],
    ["finished-job", run, "starting-job", ["release", "fetch"]],
    ["finished-job", leave, "left: idle", ["release", "leave"]],
  ])("%s, %o: %s", (state, action, expected, actions) => {
    const before = at(state);
    const after = step(before, { kind: "answered", request: toRequest(before), action, at: 5 }, rules);
    expect(describeState(after.machine)).toBe(expected);
    expect(kinds(after.actions)).toEqual(actions);
    expect(after.machine.lastGoodAt).toBe(5);
  });

  test.each([go, wait, run, stop, leave])(
    "is no acknowledgement when the job has finished since: %o",
    (action) => {
      const before = at("running-job");
      const request = toRequest(before);
      const finished = step(before, { kind: "job-ended", jobId: "a", result: "passed" }, rules);
      expect(kinds(finished.actions)).toEqual(["sync"]);
      const after = step(finished.machine, { kind: "answered", request, action, at: 5 }, rules);
      expect(toRequest(after.machine)).toMatchObject({
        state: "finished-job",
        jobId: "a",
        jobResult: "passed",
      });
      expect(after.actions.filter(({ kind }) => kind !== "log")).toEqual([]);
    },
  );
});

describe("a failure", () => {
  test.each<[SyncState, number, number, Partial<Machine>, string, string[]]>([
    ["waiting-for-jobs", 500, 600_000, {}, "waiting-for-jobs", []],
    ["waiting-for-jobs", 500, 600_001, {}, "left: unable-to-sync lost", ["leave"]],
    ["waiting-for-jobs", 404, 1, {}, "waiting-for-jobs", []],
    ["waiting-for-jobs", 404, 1, { isTentative: true }, "left: unable-to-sync gone", ["leave"]],
    ["waiting-for-jobs", 500, 1, { isTentative: true }, "waiting-for-jobs", []],
    ["waiting-for-jobs", 404, 60_001, { goneSince: 0 }, "left: unable-to-sync gone", ["leave"]],
    ["waiting-for-jobs", 500, 60_001, { goneSince: 0 }, "waiting-for-jobs", []],
    ["waiting-for-jobs", 500, 1, { interruptedAt: 9 }, "left: interrupted lost", ["leave"]],
    ["running-job", 500, 450_000, {}, "running-job", []],
    ["running-job", 500, 900_000, {}, "running-job", ["doubt"]],
    ["running-job", 500, 900_000, { isDoubtful: true }, "running-job", []],
    ["running-job", 500, 900_001, {}, "stopping-job, abandoned", ["doubt", "lose", "stop"]],
    ["running-job", 404, 1, { isTentative: true }, "running-job", ["doubt"]],
    ["running-job", 404, 60_001, { goneSince: 0 }, "stopping-job, abandoned", ["doubt", "lose", "stop"]],
    ["running-job", 500, 9_999, { interruptedAt: 9 }, "running-job", []],
    ["running-job", 500, 10_000, { interruptedAt: 9 }, "stopping-job", ["stop"]],
    ["stopping-job", 500, 10_000, { interruptedAt: 9 }, "stopping-job", []],
    ["stopping-job", 500, 60_001, { interruptedAt: 9 }, "stopping-job, abandoned", ["lose", "stop"]],
    ["finished-job", 500, 60_001, {}, "finished-job", []],
    ["finished-job", 500, 60_001, { interruptedAt: 9 }, "left: interrupted lost owes", ["lose", "leave"]],
    ["finished-job", 500, 900_001, {}, "left: unable-to-sync lost owes", ["doubt", "lose", "leave"]],
    [
      "finished-job",
      404,
      60_001,
      { goneSince: 0 },
      "left: unable-to-sync gone",
      ["doubt", "lose", "release", "leave"],
    ],
    ["finished-job", 422, 1, {}, "waiting-for-jobs", ["release"]],
    ["finished-job", 400, 1, { isDraining: true }, "left: requested", ["release", "leave"]],
    ["finished-job", 400, 1, { interruptedAt: 9 }, "left: interrupted", ["release", "leave"]],
    ["finished-job", 302, 1, {}, "finished-job", []],
    ["running-job", 422, 1, {}, "running-job", ["doubt"]],
    ["running-job", 409, 60_000, { refusedSince: 0 }, "running-job", ["doubt"]],
    ["running-job", 409, 60_001, { refusedSince: 0 }, "stopping-job", ["doubt", "lose", "stop"]],
    ["starting-job", 422, 60_001, { refusedSince: 0 }, "stopping-job", ["doubt", "lose", "stop"]],
    ["stopping-job", 409, 60_001, { refusedSince: 0 }, "stopping-job", []],
    ["running-job", 403, 60_001, { refusedSince: 0 }, "running-job", []],
    ["running-job", 503, 60_001, { refusedSince: 0 }, "running-job", []],
    ["waiting-for-jobs", 409, 60_001, { refusedSince: 0 }, "waiting-for-jobs", []],
  ])("%s, status %d after %d ms, %o: %s", (state, status, at_, more, expected, actions) => {
    const before = { ...at(state), ...more };
    const after = step(
      before,
      { kind: "failed", request: toRequest(before), failure: failure(status), at: at_ },
      rules,
    );
    expect(describeState(after.machine)).toBe(expected);
    expect(kinds(after.actions)).toEqual(actions);
  });

  test("the job's log waits while the job may be another's, and goes on with the next answer", () => {
    const before = at("running-job");
    const event: Event = { kind: "failed", request: toRequest(before), failure: failure(404), at: 1 };
    const doubtful = step(before, event, rules);
    expect(kinds(doubtful.actions)).toEqual(["doubt"]);
    expect(kinds(step(doubtful.machine, event, rules).actions)).toEqual([]);
    const answered = { kind: "answered", request: toRequest(before), action: go, at: 5 } as const;
    const sure = step(doubtful.machine, answered, rules);
    expect(kinds(sure.actions)).toEqual(["assure"]);
    expect(kinds(step(sure.machine, answered, rules).actions)).toEqual([]);
  });

  test("an interrupt is said where there is a job, with the time that it has left", () => {
    const event: Event = { kind: "interrupted", at: 1, unixSeconds: 9 };
    const said = { kind: "log", level: "info", message: "interrupted: job a has 10 s left" } as const;
    expect(step(at("running-job"), event, rules).actions).toEqual([said, { kind: "sync" }]);
    expect(step(at("waiting-for-jobs"), event, rules).actions).toEqual([{ kind: "sync" }]);
  });

  test("an interrupted agent for one job whose result is refused has finished its job", () => {
    const before = { ...at("finished-job"), interruptedAt: 9 };
    const event: Event = { kind: "failed", request: toRequest(before), failure: failure(400), at: 1 };
    expect(describeState(step(before, event, { ...rules, singleJob: true }).machine)).toBe(
      "left: job-finished",
    );
  });

  test("a job that was given up is waited for, and then the agent goes", () => {
    const before = { ...at("running-job"), goneSince: 0 };
    const given = step(
      before,
      { kind: "failed", request: toRequest(before), failure: failure(404), at: 60_001 },
      rules,
    );
    const after = step(given.machine, { kind: "job-ended", jobId: "a", result: "stopped" }, rules);
    expect(describeState(after.machine)).toBe("left: unable-to-sync gone");
    expect(kinds(after.actions)).toEqual(["release", "leave"]);
  });
});

function at(state: SyncState): Machine {
  const base = createMachine({ lastGoodAt: 0, state });
  if (state === "waiting-for-jobs") return base;
  return { ...base, jobId: "a", result: state === "finished-job" ? "passed" : "" };
}

function failure(status: number): Failure {
  return { kind: "status", status, message: `status ${status}`, retryAfterMs: 0 };
}

function kinds(actions: readonly { readonly kind: string }[]): string[] {
  return actions.map(({ kind }) => kind).filter((kind) => kind !== "log");
}

function describeState({ state, left, abandoned }: Machine): string {
  if (left !== undefined) {
    return `left: ${left.reason}${left.contact === "kept" ? "" : ` ${left.contact}`}${left.owes ? " owes" : ""}`;
  }
  return abandoned === undefined ? state : `${state}, abandoned`;
}
