import { describe, expect, test } from "bun:test";
import { appendFile } from "node:fs/promises";
import { jobProcesses } from "../support/agents.ts";
import { createBadScene, runInAgent } from "./bad-plugin-agent.ts";
import { agentTable, toTableRow } from "./bad-plugin-table.ts";
import { type Deed, deeds, hooks, type Place, writeBadPlugin } from "./bad-plugins.ts";
import { createTester } from "../support/fixtures.ts";
import { outline, runForEvents, until } from "../support/jobs.ts";

const job = { commands: ["sleep 0.2"] };
const places: readonly Place[] = [...hooks, "setup", "load", "timer in a job", "disposal"];
const isBefore = (place: Place) => ["setup", "load", "agent:start"].includes(place);
/** `run` has no control plane, and a job that is not stopped no stop. */
const isCalledInRun = (place: Place) => !["agent:registered", "agent:synced", "job:stopping"].includes(place);
/** Fired before a job of `run` has begun. */
const beginnings: readonly Place[] = ["agent:job-assigned", "agent:job-started"];
const gates: readonly Place[] = ["job:start", "job:prepare"];

/** The exit status of `run`; `undefined` where only a stop ends it. */
function toStatus(place: Place, deed: Deed): number | undefined {
  if (deed === "spin") return undefined;
  if (deed === "floods") return 0;
  if (deed === "exits") return isBefore(place) || beginnings.includes(place) ? 2 : 1;
  if (deed === "throws") return isBefore(place) ? 2 : gates.includes(place) ? 1 : 0;
  if (isBefore(place)) return 2;
  const isEndless = [...gates, "command:start", "command:end", "job:finish", "agent:exit"].includes(place);
  return isEndless ? undefined : 0;
}

const table = places
  .filter(isCalledInRun)
  .flatMap((place) =>
    (Object.keys(deeds) as Deed[]).map((deed) => [place, deed, toStatus(place, deed)] as const),
  );

describe("run with a plugin", () => {
  test.concurrent.each(table.filter(([, , status]) => status !== undefined))(
    "in %s that %s exits with %p",
    async (place, deed, status) => {
      await using tester = await createTester();
      await writeBadPlugin(tester, place, deed);
      const { exitCode, stderr, events } = await runForEvents(tester, job);
      expect(exitCode).toBe(status!);
      if (deed !== "never" || place !== "timer in a job") expect(stderr).toMatch(/bad|flood of a plugin/);
      if (status === 0) expect(outline(events).at(-1)).toBe("end passed");
      if (isBefore(place) && status === 2) expect(events).toEqual([]);
    },
  );

  test.concurrent.each(table.filter(([, , status]) => status === undefined))(
    "in %s that %s is ended by the second Ctrl-C",
    async (place, deed) => {
      await using tester = await createTester();
      await writeBadPlugin(tester, place, deed);
      await tester.write("job.json", JSON.stringify(job));
      const running = tester.start(["run", "job.json"], { isTerminal: true });
      await until("the plugin acts", () => Bun.file(`${tester.home}/done`).exists());
      running.type("\x03");
      // Before a configuration is read, the first one ends the program.
      if (place !== "load") {
        await Bun.sleep(500);
        running.type("\x03");
      }
      const { exitCode } = await running.finished;
      expect([130, 137, 0]).toContain(exitCode);
    },
  );
});

/** With this variable, the test writes what it has measured as rows of a Markdown table. */
const tableFile = process.env["SIGNALMAN_BAD_PLUGINS_TABLE"];

describe("an agent with a plugin", () => {
  test.concurrent.each(agentTable.map((row) => [row.place, row.deed, row] as const))(
    "in %s that %s reports it, ends its jobs, and exits as the table says",
    async (_place, _deed, row) => {
      const { results, status, reportedMs, nextMs, output } = await runInAgent(row);
      if (tableFile) await appendFile(tableFile, toTableRow(row, { reportedMs, nextMs }));
      if (row.report) expect(output).toMatch(row.report);
      expect({ results, status }).toEqual({ results: [row.result, "passed"], status: row.status });
    },
  );

  test.concurrent.each([
    ["never", /plugin "bad" has not returned from agent:interrupted/],
    ["throws", /plugin "bad" failed in agent:interrupted \(bad\.ts:2\): boom/],
    ["floods", /flood of a plugin/],
  ] as const)("in agent:interrupted that %s reports it, and lets the job finish", async (deed, report) => {
    await using scene = await createBadScene("agent:interrupted", deed);
    const agent = await scene.readyAgent(["--interruption-grace-period", "60"]);
    const id = await scene.hub.submit({ commands: ["echo begun", "sleep 1"] });
    await scene.hub.shows(id, "begun\n");
    agent.kill("SIGTERM");
    expect((await scene.hub.done(id)).result).toBe("passed");
    const { exitCode, stdout, stderr } = await agent.finished;
    expect({ exitCode, output: stdout + stderr }).toEqual({
      exitCode: 0,
      output: expect.stringMatching(report) as unknown as string,
    });
  });

  test.concurrent("that spins in a clean-up of a job's process delays no job, and the process is killed", async () => {
    await using scene = await createBadScene("disposal in a job", "spin");
    await scene.readyAgent();
    const id = await scene.hub.submit(job);
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(jobProcesses(id)).toHaveLength(1);
    const next = await scene.hub.submit(job);
    expect((await scene.hub.done(next)).result).toBe("passed");
    await until("the process of the first job is killed", () => jobProcesses(id).length === 0);
    expect(await scene.agentLog()).toContain(
      "job process did not exit within 30 s after its result: killing it",
    );
  });
});
