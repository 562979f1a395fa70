import { describe, expect, test } from "bun:test";
import type { AgentStatus, SlotStatus } from "../../src/core/contracts/agent-status.ts";
import type { FolderAnswer } from "../../src/cli/status/agent-answers.ts";
import { createStatusHistory } from "../../src/cli/status/status-history.ts";

const start = 1_000_000_000_000;

function agent(slot: Partial<SlotStatus> = {}, pid = 42): FolderAnswer {
  const status: AgentStatus = {
    version: "1.2.3",
    pid,
    startedAt: start,
    stateDirectory: "/state/agents/one",
    slots: [{ slot: 0, state: "waiting", name: "agent-1", ...slot }],
  };
  return { kind: "status", status, folder: "/state/agents/one" };
}

const absent: FolderAnswer = { kind: "absent", folder: "/state/agents/one" };

function watch() {
  const history = createStatusHistory("/state");
  return (seconds: number, ...answers: FolderAnswer[]) => {
    const { rows, isChanged } = history.add(answers, start + seconds * 1000);
    const changed = rows.filter((row) => row.isChanged).map(({ text }) => text);
    return { isChanged, changed, texts: rows.map(({ text }) => text) };
  };
}

const running = (deliveredBytes: number): Partial<SlotStatus> => ({
  state: "running",
  job: {
    id: "a-job",
    executor: "shell",
    startedAt: start,
    phase: "running",
    log: { producedBytes: 5000, deliveredBytes, deliveredEvents: 1 },
  },
});

describe("the history of a status", () => {
  test("does not take growing times and sizes for changes", () => {
    const look = watch();
    const sync = (seconds: number) => ({ succeededAt: start + seconds * 1000, durationMs: 5, failures: 0 });
    expect(look(0, agent({ ...running(1), sync: sync(0) }))).toMatchObject({ isChanged: true, changed: [] });
    const next = look(100, agent({ ...running(5000), sync: sync(95) }));
    expect(next).toMatchObject({ isChanged: false, changed: [] });
    expect(next.texts[0]).toContain("up 1 min 40 s");
  });

  test("marks a line that differs, for five seconds", () => {
    const look = watch();
    look(0, agent());
    const changed = look(1, agent(running(1)));
    expect(changed.isChanged).toBe(true);
    expect(changed.changed).toEqual([expect.stringMatching(/^1 +agent-1 +running/)]);
    expect(look(4, agent(running(1)))).toMatchObject({ isChanged: false, changed: [expect.anything()] });
    expect(look(7, agent(running(1)))).toMatchObject({ isChanged: false, changed: [] });
    expect(look(8, agent()).changed).toHaveLength(1);
  });

  test("shows since when an agent is gone, also when its folder is removed, and the agent that follows", () => {
    const look = watch();
    look(0, agent());
    const gone = look(3, absent);
    expect(gone.texts).toEqual(["agent gone for 3 s: pid 42, state in /state/agents/one"]);
    expect(gone.changed).toEqual(gone.texts);
    expect(look(65)).toMatchObject({
      isChanged: false,
      texts: ["agent gone for 1 min 5 s: pid 42, state in /state/agents/one"],
    });
    const back = look(66, agent({}, 43));
    expect(back.texts[0]).toContain("pid 43");
    expect(back.changed[0]).toContain("pid 43");
  });

  test("forgets an agent that has been gone for an hour", () => {
    const look = watch();
    look(0, agent());
    look(3601, absent);
    expect(look(3602, absent).texts).toEqual([
      "no agent is running in the state directory /state (--state-dir selects another)",
    ]);
  });

  test("shows agents that do not answer, and answers that are invalid", () => {
    const look = watch();
    const silent: FolderAnswer = { kind: "silent", reason: "no \u001b[2J answer", folder: "/nowhere" };
    const invalid = {
      ...agent(),
      folder: "/state/agents/two",
      status: { pid: 1, slots: [{ sync: 3, job: 1 }] },
    };
    const { texts } = look(0, silent, invalid as never);
    expect(texts[0]).toBe("agent in /nowhere did not report its status: no ␛[2J answer");
    expect(texts.join("\n")).toContain("pid 1");
  });
});
