import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  createAgentState,
  type Event,
  type Shutdown,
  type AgentState,
  type Rules,
  toRequest,
} from "./agent-state.ts";
import { transition } from "./transition.ts";
import type { SyncAction, SyncRequest } from "./wire.ts";

const rules: Rules = {
  singleJob: false,
  gracePeriod: 10,
  syncGiveUpMs: 600_000,
  busyGiveUpMs: 900_000,
  goneGiveUpMs: 60_000,
  interruptGiveUpMs: 60_000,
};

const actions: SyncAction[] = [
  { kind: "continue" },
  { kind: "wait-for-jobs" },
  { kind: "run-job", jobId: "a" },
  { kind: "run-job", jobId: "b" },
  { kind: "stop-job", jobId: "a" },
  { kind: "shutdown", reason: "idle" },
  { kind: "unknown", word: "dance" },
];

const sequences = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("send" as const) }),
    fc.record({
      do: fc.constant("answer" as const),
      action: fc.constantFrom(...actions),
    }),
    fc.record({
      do: fc.constant("fail" as const),
      status: fc.constantFrom(0, 400, 401, 404, 409, 422, 429, 500, 503),
      passMs: fc.constantFrom(1, 5_000, 61_000, 400_000),
    }),
    fc.record({
      do: fc.constantFrom(
        "running" as const,
        "interrupt" as const,
        "drain" as const,
        "pause" as const,
        "break-off" as const,
      ),
    }),
    fc.record({
      do: fc.constant("end" as const),
      result: fc.constantFrom("passed" as const, "failed" as const, "stopped" as const),
    }),
  ),
  { maxLength: 60 },
);

type Input = typeof sequences extends fc.Arbitrary<(infer T)[]> ? T : never;

test.each([false, true])(
  "a job is never forgotten, run twice or reported without a result in any sequence of events (single job: %p)",
  (singleJob) => {
    const property = fc.property(sequences, fc.boolean(), (list, isUnconfirmed) => {
      const simulate = createSimulation(
        { ...rules, singleJob },
        createAgentState({ lastGoodAt: 0, isUnconfirmed }),
      );
      for (const input of list) simulate(input);
    });
    fc.assert(property, { numRuns: 3000 });
  },
);

/** Simulates the control plane and the jobs of an agent. Asserts the invariants after each event. */
function createSimulation(rules: Rules, start: AgentState): (input: Input) => void {
  let agent = start;
  let now = 0;
  let inFlight: SyncRequest | undefined;
  let held: string | undefined;
  let reported: string | undefined;
  let shutdown: Shutdown | undefined;
  let isPaused = false;

  const tell = (event: Event, isSettling = false): void => {
    const next = transition(agent, event, rules);
    agent = next.agent;
    for (const action of next.actions) {
      if (action.kind === "fetch") {
        expect(held).toBeUndefined();
        held = action.jobId;
        reported = undefined;
      } else if (action.kind === "release") {
        expect(held).toBeDefined();
        expect(isSettling || agent.shutdown?.contact === "gone").toBe(true);
        held = undefined;
      } else if (action.kind === "shut-down") {
        shutdown = action.shutdown;
        expect(shutdown.isReportPending).toBe(held !== undefined);
        if (shutdown.reason === "paused") expect([shutdown.contact, isPaused]).toEqual(["kept", true]);
      }
    }
    if (shutdown === undefined) expect(agent.jobId).toBe(held ?? "");
  };

  const send = (): void => {
    if (agent.abandoned !== undefined) return;
    inFlight = toRequest(agent);
    expect(inFlight.jobId).toBe(held ?? "");
    expect(inFlight.state === "waiting-for-jobs").toBe(held === undefined);
    expect(inFlight.jobResult !== "").toBe(inFlight.state === "finished-job");
    if (inFlight.jobResult !== "") expect((reported ??= inFlight.jobResult)).toBe(inFlight.jobResult);
    tell({ kind: "sent", request: inFlight });
  };

  const receive = (toEvent: (request: SyncRequest) => Event, settles: boolean): void => {
    const request = inFlight;
    inFlight = undefined;
    if (request !== undefined) tell(toEvent(request), settles && request.state === "finished-job");
  };

  return (input) => {
    now += 1;
    if (shutdown !== undefined) return;
    switch (input.do) {
      case "send":
        return send();
      case "answer":
        return receive((request) => ({ kind: "answered", request, action: input.action, at: now }), true);
      case "fail":
        now += input.passMs;
        return receive(
          (request) => toFailed(request, input.status, now),
          [400, 409, 422].includes(input.status),
        );
      case "break-off":
        inFlight = undefined;
        return;
      case "running":
        return tell({ kind: "job-running", jobId: held ?? "none" });
      case "end":
        return tell({ kind: "job-ended", jobId: held ?? "none", result: input.result });
      case "interrupt":
        return tell({ kind: "interrupted", at: now, unixSeconds: 7 });
      case "drain":
        return tell({ kind: "drained" });
      case "pause":
        isPaused = true;
        return tell({ kind: "paused" });
    }
  };
}

function toFailed(request: SyncRequest, status: number, at: number): Event {
  return {
    kind: "failed",
    request,
    failure: { kind: "status", status, message: `status ${status}`, retryAfterMs: 0 },
    at,
  };
}
