import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { createSlot, delivery, request } from "./fixtures.ts";
import { findJobProcesses, until } from "./job-processes.ts";

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s to the process of a job whose agent is connected is left to the agent",
  async (signal) => {
    await using slot = await createSlot();
    const gate = join(slot.path, "gate");
    const wanted = request(`echo begun; while [ ! -e ${gate} ]; do sleep 0.05; done; echo over`);
    const job = await slot.again().start(wanted, delivery);
    await until(() => (printedIn(slot.received).includes("begun") ? true : undefined));
    for (const pid of findJobProcesses(wanted.id)) process.kill(pid, signal);
    await until(() => (logOf(slot).includes(`${signal} ignored`) ? true : undefined));
    writeFileSync(gate, "");
    expect((await job.done).summary.result).toBe("passed");
    expect(printedIn(slot.received)).toContain("begun\nover\n");
  },
);

test("SIGTERM to the process of a job without an agent stops the job", async () => {
  await using slot = await createSlot();
  const id = "left-alone";
  const agent = Bun.spawn([process.execPath, join(import.meta.dir, "starting-agent.ts"), slot.path, id], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const log = join(slot.path, "jobs", id, "events.ndjson");
  await until(() => (existsSync(log) && readFileSync(log, "utf8").includes("begun\\n") ? true : undefined));
  agent.kill("SIGKILL");
  await agent.exited;
  const pid = await until(() => findJobProcesses(id)[0]);
  // The signal may arrive before the process has received the end of its connection.
  const result = join(slot.path, "jobs", id, "result.json");
  await until(() => {
    if (existsSync(result)) return true;
    if (findJobProcesses(id).length > 0) process.kill(pid, "SIGTERM");
    return undefined;
  });
  const job = await slot.again().left[0]!.claim(delivery);
  expect((await job.done).summary.result).toBe("stopped");
});

function printedIn(events: readonly JobEvent[]): string {
  return events.map((event) => (event.event === "cmd_output" ? event.output : "")).join("");
}

function logOf({ path }: { readonly path: string }): string {
  const file = join(path, "agent_log");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
