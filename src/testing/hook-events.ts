import type { AgentStatus } from "../core/contracts/agent-status.ts";
import type { HookEvents, HookName, RunOptions, VariableOptions } from "../core/contracts/hooks.ts";
import { createJobVariables, type VariableSetter } from "../job/job-variables.ts";
import { jobRequest } from "./fixtures.ts";
import { createRecordingJobLog, type RecordingJobLog } from "./job-log.ts";

/** A variable that a plugin has set. */
export interface SetVariable
  extends Required<Omit<VariableOptions, "served">>, Pick<VariableOptions, "served"> {
  readonly name: string;
  readonly value: string;
}

/** A double of a job's session. It records each directive, adds a block to the log, and returns the given exit code. */
export interface DummySession {
  readonly log: RecordingJobLog;
  readonly directives: readonly string[];
  readonly variables: readonly SetVariable[];
  run(directive: string, options?: RunOptions): Promise<number>;
  /** Records the directive, and returns no output. */
  capture(directive: string): Promise<string>;
  /** Returns `setVariable` of one event, which checks what it is given. */
  openSetter(hook: HookName): VariableSetter;
}

export function createSession(answer: (directive: string) => number = () => 0): DummySession {
  const log = createRecordingJobLog();
  const directives: string[] = [];
  const variables: SetVariable[] = [];
  const checked = createJobVariables(() => {});
  return {
    log,
    directives,
    variables,
    openSetter(hook) {
      const setter = checked.openSetter(hook);
      return {
        setVariable(name, value, options) {
          setter.setVariable(name, value, options);
          variables.push({ name, value, secret: false, scope: "job", ...options });
        },
        [Symbol.dispose]() {
          setter[Symbol.dispose]();
          checked.take();
        },
      };
    },
    async capture(directive) {
      directives.push(directive);
      return "";
    },
    run(directive, { alias, preface = "" } = {}) {
      directives.push(directive);
      return log.command(alias ?? directive, (output) => {
        if (alias !== undefined) output(`Running: ${directive}\n`);
        if (preface !== "") output(preface);
        return answer(directive);
      });
    },
  };
}

/** An agent with one slot that waits for its first job. */
export const agentStatus: AgentStatus = {
  version: "0.0.0",
  pid: 1,
  startedAt: 0,
  stateDirectory: "/nonexistent",
  slots: [{ slot: 0, state: "waiting", name: "an-agent", controlPlane: "test" }],
};

/** One event for each hook: the events of a small job that passed. */
export function fixtureEvents(
  { log, run, capture }: DummySession,
  { setVariable }: Pick<VariableSetter, "setVariable">,
): HookEvents {
  const job = jobRequest();
  const { signal } = new AbortController();
  const jobId = job.id;
  const startedAt = Date.now() - 1200;
  const finishedAt = startedAt + 1200;
  const summary = {
    result: "passed",
    times: { assignedAt: startedAt, fetchedAt: startedAt, startedAt, finishedAt },
    durationMs: 1200,
    log: { events: 5, bytes: 400, droppedBytes: 0 },
  } as const;
  const delivery = { trimmed: false, undelivered: 0 };
  const event = {
    job,
    signal,
    slot: 0,
    executor: job.executor,
    agent: { id: "an-agent-id", name: "an-agent" },
  };
  const command = { ...event, phase: "commands", index: 0, directive: "make", alias: "" } as const;
  const block = { directive: "make", source: { kind: "command", phase: "commands", index: 0 } } as const;
  const cause = { by: "control-plane", reason: "the control plane has stopped the job" } as const;
  return {
    "agent:start": { version: "0.0.0", status: () => agentStatus },
    "agent:registered": { slot: 0, name: "an-agent", controlPlane: "test" },
    "agent:synced": { slot: 0, durationMs: 20 },
    "agent:job-assigned": { slot: 0, jobId, assignedAt: startedAt },
    "agent:job-started": { slot: 0, jobId, job },
    "agent:job-resumed": { slot: 0, jobId, job },
    "agent:job-ended": { slot: 0, jobId, job, delivery, ...summary },
    "agent:log-flushed": { slot: 0, job, trimmed: false, spool: "/nonexistent/events.ndjson" },
    "agent:paused": { slot: 0, reason: "less than 5 GiB are free on /", plugin: "disk-guard", since: 0 },
    "agent:resumed": { slot: 0, durationMs: 60_000 },
    "agent:interrupted": {
      areContinuable: async () => true,
      areServed: async () => false,
      handOver() {},
      stopJobs() {},
    },
    "agent:draining": { slot: 0, reason: "requested" },
    "agent:left": { slot: 0, reason: "requested" },
    "agent:exit": { reason: "requested" },
    "agent:stop": { reason: "requested" },
    "job:start": { ...event, log, setVariable },
    "job:prepare": { ...event, log, run, setVariable },
    "image:pulled": { ...event, image: "alpine:3", startedAt, durationMs: 2000, isOk: true },
    "command:start": { ...command, setVariable, capture },
    "command:end": { ...command, exitCode: 0, durationMs: 30 },
    "job:block": { ...event, ...block, phase: "commands", startedAt, durationMs: 30, exitCode: 0 },
    "job:phase": { ...event, phase: "commands", startedAt, durationMs: 1000, isOk: true },
    "job:stopping": { ...event, log, run, cause, budgetMs: 30_000 },
    "job:finish": { ...event, log, run, result: "passed", session: "open" },
    "job:end": { ...event, ...summary },
  };
}
