import { describe, expect, test } from "bun:test";
import { createJobNames, readCgroupName } from "../containers/job-names.ts";
import { createJobCgroup } from "./job-cgroup.ts";

const names = createJobNames({ agentId: "agent 1", jobId: "job.1" });
const limits = { pids: 10 };

function engine(driver: string, socketPath: string | undefined = "/engine.sock") {
  const host = socketPath === undefined ? "tcp://engine:2376" : `unix://${socketPath}`;
  const endpoint = { host, socketPath, connection: {} };
  return { endpoint, cgroups: () => Promise.resolve({ driver, version: "1" as const }) };
}

describe("limits apply to each container separately", () => {
  test.each([
    [engine("systemd"), `the engine's cgroup driver is "systemd" (expected "cgroupfs")`],
    [
      { ...engine("cgroupfs"), endpoint: { host: "tcp://e:1", socketPath: undefined, connection: {} } },
      `the engine at "tcp://e:1" is not on this host`,
    ],
  ])("with %p, for a named reason", async (some, reason) => {
    expect(await createJobCgroup(some, { names, limits })).toBe(reason);
  });
});

test("the name of a cgroup identifies agent and job", () => {
  expect(names.cgroupName).toMatch(/^agent_1\.job\.1\.[0-9a-f]{8}$/);
  expect(readCgroupName(names.cgroupName, "agent 1")).toBe("job.1");
  expect(readCgroupName(names.cgroupName, "agent")).toBeUndefined();
});
