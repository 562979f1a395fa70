import { describe, expect, test } from "bun:test";
import type { Failure } from "./client.ts";
import { createAgentState, type Event, type AgentState, type Rules, toRequest } from "./agent-state.ts";
import { transition } from "./transition.ts";
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
const shutdown: SyncAction = { kind: "shutdown", reason: "idle" };
const unknown: SyncAction = { kind: "unknown", word: "dance" };

describe("an answer to a sync in the current state", () => {
  test.each<[SyncState, SyncAction, string, string[]]>([
    ["waiting-for-jobs", go, "waiting-for-jobs", []],
    ["waiting-for-jobs", wait, "waiting-for-jobs", []],
    ["waiting-for-jobs", unknown, "waiting-for-jobs", []],
    ["waiting-for-jobs", stop, "waiting-for-jobs", []],
    ["waiting-for-jobs", run, "starting-job", ["fetch"]],
    ["waiting-for-jobs", shutdown, "shut down: idle", ["shut-down"]],
    ["starting-job", go, "starting-job", []],
    ["starting-job", wait, "starting-job", []],
    ["starting-job", run, "starting-job", []],
    ["starting-job", stop, "stopping-job", ["stop"]],
    ["running-job", go, "running-job", []],
    ["running-job", wait, "running-job", []],
    ["running-job", unknown, "running-job", []],
    ["running-job", run, "running-job", []],
    ["running-job", stop, "stopping-job", ["stop"]],
    ["running-job", { kind: "stop-job", jobId: "" }, "stopping-job", ["stop"]],
    ["running-job", { kind: "stop-job", jobId: "x" }, "running-job", []],
    ["running-job", shutdown, "stopping-job", ["stop"]],
    ["stopping-job", go, "stopping-job", []],
    ["stopping-job", stop, "stopping-job", []],
    ["stopping-job", wait, "stopping-job", []],
    ["stopping-job", shutdown, "stopping-job", []],
    ["finished-job", wait, "waiting-for-jobs", ["release"]],
    ["finished-job", go, "waiting-for-jobs", ["release"]],
    ["finished-job", unknown, "waiting-for-jobs", ["release"]],
    ["finished-job", { kind: "run-job", jobId: "a" }, "waiting-for-jobs", ["release"]],
    ["finished-job", run, "starting-job", ["release", "fetch"]],
    ["finished-job", shutdown, "shut down: idle", ["release", "shut-down"]],
  ])("%s, %o: %s", (state, action, expected, actions) => {
    const before = at(state);
    const after = transition(before, { kind: "answered", request: toRequest(before), action, at: 5 }, rules);
    expect(describeState(after.agent)).toBe(expected);
    expect(kinds(after.actions)).toEqual(actions);
    expect(after.agent.lastGoodAt).toBe(5);
  });

  test.each([go, wait, run, stop, shutdown])(
    "is no acknowledgement of a job that has finished since: %o",
    (action) => {
      const before = at("running-job");
      const request = toRequest(before);
      const finished = transition(before, { kind: "job-ended", jobId: "a", result: "passed" }, rules);
      expect(kinds(finished.actions)).toEqual(["sync"]);
      const after = transition(finished.agent, { kind: "answered", request, action, at: 5 }, rules);
      expect(toRequest(after.agent)).toMatchObject({
        state: "finished-job",
        jobId: "a",
        jobResult: "passed",
      });
      expect(after.actions.filter(({ kind }) => kind !== "log")).toEqual([]);
    },
  );
});

describe("a failure", () => {
  test.each<[SyncState, number, number, Partial<AgentState>, string, string[]]>([
    ["waiting-for-jobs", 500, 600_000, {}, "waiting-for-jobs", []],
    ["waiting-for-jobs", 500, 600_001, {}, "shut down: unable-to-sync lost", ["shut-down"]],
    ["waiting-for-jobs", 404, 1, {}, "waiting-for-jobs", []],
    ["waiting-for-jobs", 404, 1, { isUnconfirmed: true }, "shut down: unable-to-sync gone", ["shut-down"]],
    ["waiting-for-jobs", 500, 1, { isUnconfirmed: true }, "waiting-for-jobs", []],
    ["waiting-for-jobs", 404, 60_001, { goneSince: 0 }, "shut down: unable-to-sync gone", ["shut-down"]],
    ["waiting-for-jobs", 500, 60_001, { goneSince: 0 }, "waiting-for-jobs", []],
    ["waiting-for-jobs", 500, 1, { interruptedAt: 9 }, "shut down: interrupted lost", ["shut-down"]],
    ["running-job", 500, 450_000, {}, "running-job", []],
    ["running-job", 500, 900_000, {}, "running-job", ["doubt"]],
    ["running-job", 500, 900_000, { isOwnershipDoubtful: true }, "running-job", []],
    ["running-job", 500, 900_001, {}, "stopping-job, abandoned", ["doubt", "lose", "stop"]],
    ["running-job", 404, 1, { isUnconfirmed: true }, "running-job", ["doubt"]],
    ["running-job", 404, 60_001, { goneSince: 0 }, "stopping-job, abandoned", ["doubt", "lose", "stop"]],
    ["running-job", 500, 9_999, { interruptedAt: 9 }, "running-job", []],
    ["running-job", 500, 10_000, { interruptedAt: 9 }, "stopping-job", ["stop"]],
    ["stopping-job", 500, 10_000, { interruptedAt: 9 }, "stopping-job", []],
    ["stopping-job", 500, 60_001, { interruptedAt: 9 }, "stopping-job, abandoned", ["lose", "stop"]],
    ["finished-job", 500, 60_001, {}, "finished-job", []],
    [
      "finished-job",
      500,
      60_001,
      { interruptedAt: 9 },
      "shut down: interrupted lost pending",
      ["lose", "shut-down"],
    ],
    [
      "finished-job",
      500,
      900_001,
      {},
      "shut down: unable-to-sync lost pending",
      ["doubt", "lose", "shut-down"],
    ],
    [
      "finished-job",
      404,
      60_001,
      { goneSince: 0 },
      "shut down: unable-to-sync gone",
      ["doubt", "lose", "release", "shut-down"],
    ],
    ["finished-job", 422, 1, {}, "waiting-for-jobs", ["release"]],
    ["finished-job", 400, 1, { isDraining: true }, "shut down: requested", ["release", "shut-down"]],
    ["finished-job", 400, 1, { interruptedAt: 9 }, "shut down: interrupted", ["release", "shut-down"]],
    ["finished-job", 302, 1, {}, "finished-job", []],
    ["running-job", 422, 1, {}, "running-job", ["doubt"]],
    ["running-job", 409, 60_000, { rejectedSince: 0 }, "running-job", ["doubt"]],
    ["running-job", 409, 60_001, { rejectedSince: 0 }, "stopping-job", ["doubt", "lose", "stop"]],
    ["starting-job", 422, 60_001, { rejectedSince: 0 }, "stopping-job", ["doubt", "lose", "stop"]],
    ["stopping-job", 409, 60_001, { rejectedSince: 0 }, "stopping-job", []],
    ["running-job", 403, 60_001, { rejectedSince: 0 }, "running-job", []],
    ["running-job", 503, 60_001, { rejectedSince: 0 }, "running-job", []],
    ["waiting-for-jobs", 409, 60_001, { rejectedSince: 0 }, "waiting-for-jobs", []],
  ])("%s, status %d after %d ms, %o: %s", (state, status, at_, more, expected, actions) => {
    const before = { ...at(state), ...more };
    const after = transition(
      before,
      { kind: "failed", request: toRequest(before), failure: failure(status), at: at_ },
      rules,
    );
    expect(describeState(after.agent)).toBe(expected);
    expect(kinds(after.actions)).toEqual(actions);
  });

  test("the job's log is paused while the ownership is doubtful, and resumes with the next answer", () => {
    const before = at("running-job");
    const event: Event = { kind: "failed", request: toRequest(before), failure: failure(404), at: 1 };
    const doubtful = transition(before, event, rules);
    expect(kinds(doubtful.actions)).toEqual(["doubt"]);
    expect(kinds(transition(doubtful.agent, event, rules).actions)).toEqual([]);
    const answered = { kind: "answered", request: toRequest(before), action: go, at: 5 } as const;
    const sure = transition(doubtful.agent, answered, rules);
    expect(kinds(sure.actions)).toEqual(["confirm"]);
    expect(kinds(transition(sure.agent, answered, rules).actions)).toEqual([]);
  });

  test("an interrupt of a running job is logged with the grace period", () => {
    const event: Event = { kind: "interrupted", at: 1, unixSeconds: 9 };
    const line = {
      kind: "log",
      level: "info",
      message: "interrupted: job a has a grace period of 10 s",
    } as const;
    expect(transition(at("running-job"), event, rules).actions).toEqual([line, { kind: "sync" }]);
    expect(transition(at("waiting-for-jobs"), event, rules).actions).toEqual([{ kind: "sync" }]);
  });

  test("an interrupted single-job agent whose result is rejected shuts down as job-finished", () => {
    const before = { ...at("finished-job"), interruptedAt: 9 };
    const event: Event = { kind: "failed", request: toRequest(before), failure: failure(400), at: 1 };
    expect(describeState(transition(before, event, { ...rules, singleJob: true }).agent)).toBe(
      "shut down: job-finished",
    );
  });

  test("an abandoned job ends before the agent shuts down", () => {
    const before = { ...at("running-job"), goneSince: 0 };
    const abandoned = transition(
      before,
      { kind: "failed", request: toRequest(before), failure: failure(404), at: 60_001 },
      rules,
    );
    const after = transition(abandoned.agent, { kind: "job-ended", jobId: "a", result: "stopped" }, rules);
    expect(describeState(after.agent)).toBe("shut down: unable-to-sync gone");
    expect(kinds(after.actions)).toEqual(["release", "shut-down"]);
  });
});

function at(state: SyncState): AgentState {
  const base = createAgentState({ lastGoodAt: 0, state });
  if (state === "waiting-for-jobs") return base;
  return { ...base, jobId: "a", result: state === "finished-job" ? "passed" : "" };
}

function failure(status: number): Failure {
  return { kind: "status", status, message: `status ${status}`, retryAfterMs: 0 };
}

function kinds(actions: readonly { readonly kind: string }[]): string[] {
  return actions.map(({ kind }) => kind).filter((kind) => kind !== "log");
}

function describeState({ state, shutdown, abandoned }: AgentState): string {
  if (shutdown !== undefined) {
    const { reason, contact, isReportPending } = shutdown;
    return `shut down: ${reason}${contact === "kept" ? "" : ` ${contact}`}${isReportPending ? " pending" : ""}`;
  }
  return abandoned === undefined ? state : `${state}, abandoned`;
}
