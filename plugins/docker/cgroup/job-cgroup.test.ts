import { describe, expect, test } from "bun:test";
import { createPlace, readCgroupName } from "../containers/place.ts";
import { createJobCgroup } from "./job-cgroup.ts";

const place = createPlace({ agentId: "agent 1", jobId: "job.1" });
const limits = { pids: 10 };

function engine(driver: string, socketPath: string | undefined = "/engine.sock") {
  const host = socketPath === undefined ? "tcp://engine:2376" : `unix://${socketPath}`;
  const endpoint = { host, socketPath, connection: {} };
  return { endpoint, cgroups: () => Promise.resolve({ driver, version: "1" as const }) };
}

describe("limits hold for each container alone", () => {
  test.each([
    [engine("systemd"), `the engine's cgroup driver is "systemd" (expected "cgroupfs")`],
    [
      { ...engine("cgroupfs"), endpoint: { host: "tcp://e:1", socketPath: undefined, connection: {} } },
      `the engine at "tcp://e:1" is not on this host`,
    ],
  ])("with %p, and the reason is told", async (some, reason) => {
    expect(await createJobCgroup(some, { place, limits })).toBe(reason);
  });
});

test("the name of a cgroup tells agent and job", () => {
  expect(place.cgroupName).toMatch(/^agent_1\.job\.1\.[0-9a-f]{8}$/);
  expect(readCgroupName(place.cgroupName, "agent 1")).toBe("job.1");
  expect(readCgroupName(place.cgroupName, "agent")).toBeUndefined();
});
