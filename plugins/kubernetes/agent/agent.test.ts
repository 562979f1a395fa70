import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import type { Pod } from "../client/objects.ts";
import { protectPod } from "../pod/protection.ts";
import { refusal, startApiServer } from "../testing/api-server.ts";
import { createBusyJobs } from "./busy-jobs.ts";
import { findStateLoss } from "./state-volume.ts";

const signal = new AbortController().signal;

describe("the loss of the state with the agent's pod", () => {
  const pod = (volume: object, restartPolicy = "Always"): Pod => ({
    metadata: { name: "agent" },
    spec: {
      restartPolicy,
      terminationGracePeriodSeconds: 90,
      containers: [
        {
          volumeMounts: [
            { name: "root", mountPath: "/" },
            { name: "state", mountPath: "/var/lib/signalman" },
          ],
        },
      ],
      volumes: [
        { name: "root", hostPath: {} },
        { name: "state", ...volume },
      ],
    },
  });
  const directory = "/var/lib/signalman/agent-1";

  test("is reported for an emptyDir and for the container's own file system, with the grace period", () => {
    expect(findStateLoss(pod({ emptyDir: {} }), directory)).toBe(
      'the agent\'s state is in the emptyDir "state": a rollout, an eviction or a drained node ends each job that runs for more than 90 s after it',
    );
    expect(findStateLoss({ metadata: { name: "a" }, spec: {} }, directory)).toContain(
      "is in the container's file system",
    );
  });

  test("is not reported for a volume that stays, and for a pod that runs once", () => {
    expect(findStateLoss(pod({ persistentVolumeClaim: {} }), directory)).toBeUndefined();
    expect(findStateLoss(pod({ emptyDir: {} }), "/var/lib/signalman-2")).toBeUndefined();
    expect(findStateLoss(pod({ emptyDir: {} }, "Never"), directory)).toBeUndefined();
  });
});

test("the mark follows the number of jobs, and a job that is reported twice counts once", async () => {
  const updates: boolean[] = [];
  const jobs = createBusyJobs(async () => ({ update: async (isBusy) => void updates.push(isBusy) }));
  jobs.add("a");
  jobs.add("a");
  jobs.add("b");
  jobs.remove("a");
  jobs.remove("never");
  await Promise.resolve();
  await Promise.resolve();
  expect(updates).toEqual([true]);
  jobs.remove("b");
  await Promise.resolve();
  await Promise.resolve();
  expect(updates).toEqual([true, false]);
});

describe("the budget of a job's pod", () => {
  const pod: Pod = { metadata: { name: "semaphore-job-1", uid: "12345678-9" }, spec: {} };

  test("selects this pod only, and belongs to it", async () => {
    await using server = startApiServer(() => Response.json({}));
    await protectPod(server.client, pod, { logger: createRecordingLogger(), signal });
    expect(server.received[0]?.path).toBe("/apis/policy/v1/namespaces/jobs/poddisruptionbudgets");
    expect(JSON.parse(server.received[0]?.body ?? "")).toMatchObject({
      metadata: {
        name: "semaphore-job-1-12345678",
        ownerReferences: [{ kind: "Pod", name: "semaphore-job-1", uid: "12345678-9" }],
      },
      spec: { minAvailable: 1, selector: { matchLabels: { "signalman/pod": "semaphore-job-1" } } },
    });
  });

  test.each([
    ["its own, whose creation was repeated", 409, "AlreadyExists", []],
    ["a missing right, which the agent's start reports", 403, "Forbidden", ["debug"]],
    ["a cluster without budgets", 404, "NotFound", ["warn"]],
  ])("does not fail the job: %s", async (_, code, reason, levels) => {
    await using server = startApiServer(() => refusal(code, reason, "no"));
    const logger = createRecordingLogger();
    await protectPod(server.client, pod, { logger, signal });
    expect(logger.entries.map(({ level }) => String(level))).toEqual([...levels]);
  });

  test("is given up when the job ends", async () => {
    const ending = new AbortController();
    await using server = startApiServer(() => {
      ending.abort();
      return refusal(503, "Busy", "later");
    });
    const logger = createRecordingLogger();
    await protectPod(server.client, pod, { logger, signal: ending.signal });
    expect(logger.entries).toEqual([]);
  });
});
