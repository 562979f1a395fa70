import { expect, test } from "bun:test";
import fc from "fast-check";
import { createMachine, type Event, type Leave, type Machine, type Rules, toRequest } from "./machine.ts";
import { step } from "./step.ts";
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

const happenings = fc.array(
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
      do: fc.constantFrom("running" as const, "interrupt" as const, "drain" as const, "break-off" as const),
    }),
    fc.record({
      do: fc.constant("end" as const),
      result: fc.constantFrom("passed" as const, "failed" as const, "stopped" as const),
    }),
  ),
  { maxLength: 60 },
);

type Happening = typeof happenings extends fc.Arbitrary<(infer T)[]> ? T : never;

test.each([false, true])(
  "a job is never forgotten, doubled or reported without a result, whatever comes (for one job: %p)",
  (singleJob) => {
    const property = fc.property(happenings, fc.boolean(), (list, isTentative) => {
      const happen = createWorld({ ...rules, singleJob }, createMachine({ lastGoodAt: 0, isTentative }));
      for (const happening of list) happen(happening);
    });
    fc.assert(property, { numRuns: 3000 });
  },
);

/** An agent as its control plane and its jobs see it. What it must never do fails. */
function createWorld(rules: Rules, start: Machine): (happening: Happening) => void {
  let machine = start;
  let now = 0;
  let inFlight: SyncRequest | undefined;
  let held: string | undefined;
  let reported: string | undefined;
  let left: Leave | undefined;

  const tell = (event: Event, isSettling = false): void => {
    const next = step(machine, event, rules);
    machine = next.machine;
    for (const action of next.actions) {
      if (action.kind === "fetch") {
        expect(held).toBeUndefined();
        held = action.jobId;
        reported = undefined;
      } else if (action.kind === "release") {
        expect(held).toBeDefined();
        expect(isSettling || machine.left?.contact === "gone").toBe(true);
        held = undefined;
      } else if (action.kind === "leave") {
        left = action.leave;
        expect(left.owes).toBe(held !== undefined);
      }
    }
    if (left === undefined) expect(machine.jobId).toBe(held ?? "");
  };

  const send = (): void => {
    if (machine.abandoned !== undefined) return;
    inFlight = toRequest(machine);
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

  return (happening) => {
    now += 1;
    if (left !== undefined) return;
    switch (happening.do) {
      case "send":
        return send();
      case "answer":
        return receive((request) => ({ kind: "answered", request, action: happening.action, at: now }), true);
      case "fail":
        now += happening.passMs;
        return receive(
          (request) => toFailed(request, happening.status, now),
          [400, 409, 422].includes(happening.status),
        );
      case "break-off":
        inFlight = undefined;
        return;
      case "running":
        return tell({ kind: "job-running", jobId: held ?? "none" });
      case "end":
        return tell({ kind: "job-ended", jobId: held ?? "none", result: happening.result });
      case "interrupt":
        return tell({ kind: "interrupted", at: now, unixSeconds: 7 });
      case "drain":
        return tell({ kind: "drained" });
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
