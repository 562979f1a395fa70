import { expect, test } from "bun:test";
import type { ContainerStatus, Pod } from "../client/objects.ts";
import { judge } from "./judge.ts";
import { findPodEnd } from "./pod-end.ts";

const pod = (status: object, spec: Pod["spec"] = {}): Pod => ({
  metadata: { name: "p", uid: "1" },
  spec,
  status,
});
const container = (state: object, name = "main", ready = false): ContainerStatus => ({
  name,
  image: "debian",
  ready,
  state,
});

test("the reason of a waiting pod is a string of the protocol", () => {
  const conditions = [
    { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no nodes" },
  ];
  expect(judge(pod({ phase: "Pending", conditions }))).toEqual({
    kind: "waiting",
    line: "pod in pending state - statuses: [unscheduled - reason='Unschedulable', message='no nodes']",
  });
  const containerStatuses = [container({ waiting: { reason: "ContainerCreating" } })];
  expect(judge(pod({ phase: "Pending", containerStatuses }, { nodeName: "n1" }))).toEqual({
    kind: "waiting",
    line: "pod in pending state - statuses: [scheduled on node 'n1', container 'debian' waiting - reason='ContainerCreating', message='']",
  });
});

test("a pod is ready when all its containers are", () => {
  const running = { running: { startedAt: "then" } };
  expect(judge(pod({ phase: "Running", containerStatuses: [container(running, "main", true)] }))).toEqual({
    kind: "ready",
  });
  const two = [container(running, "main", true), container(running, "db")];
  expect(judge(pod({ phase: "Running", containerStatuses: two }))).toMatchObject({
    kind: "waiting",
    line: expect.stringContaining("container 'db' is not ready yet"),
  });
});

test.each([
  [
    { waiting: { reason: "ErrImagePull", message: "m" } },
    "failed to pull image for 'main': [container 'debian' waiting - reason='ErrImagePull', message='m']",
  ],
  [{ waiting: { reason: "InvalidImageName" } }, "failed to pull image for 'main'"],
  [
    { waiting: { reason: "CreateContainerConfigError", message: `secret "x" not found` } },
    `message='secret "x" not found'`,
  ],
  [
    { terminated: { reason: "StartError", message: `exec: "bash": executable file not found in $PATH` } },
    "has no bash",
  ],
  [{ terminated: { reason: "Error", exitCode: 3 } }, "container 'main' has ended"],
])("a container that is %j never becomes ready", (state, message) => {
  expect(judge(pod({ phase: "Pending", containerStatuses: [container(state)] }))).toMatchObject({
    kind: "failed",
    message: expect.stringContaining(message),
  });
});

test("a kubelet that times out on its cache of secrets is no failure", () => {
  const state = {
    waiting: {
      reason: "CreateContainerConfigError",
      message: "failed to sync secret cache: timed out waiting",
    },
  };
  expect(judge(pod({ phase: "Pending", containerStatuses: [container(state)] })).kind).toBe("waiting");
});

test.each([
  ["evicted", { phase: "Failed", reason: "Evicted", message: "disk" }, "the pod was evicted: disk"],
  [
    "out of time",
    { phase: "Failed", reason: "DeadlineExceeded", message: "60 s" },
    "the pod's deadline has passed: 60 s",
  ],
  [
    "out of memory",
    {
      phase: "Failed",
      containerStatuses: [container({ terminated: { reason: "OOMKilled", exitCode: 137 } })],
    },
    "the job's container was killed: out of memory",
  ],
  [
    "on a node that was restarted",
    {
      phase: "Failed",
      containerStatuses: [container({ terminated: { reason: "Unknown", exitCode: 255 } })],
    },
    "the job's container ended with its node, which failed or was restarted",
  ],
  [
    "on a lost node",
    {
      phase: "Running",
      conditions: [
        { type: "DisruptionTarget", status: "True", reason: "DeletionByTaintManager", message: "node" },
      ],
    },
    "the pod's node was lost: node",
  ],
  [
    "drained",
    {
      phase: "Failed",
      conditions: [
        { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI", message: "drain" },
      ],
    },
    "the pod was evicted (EvictionByEvictionAPI): drain",
  ],
])("a pod that is %s has an end with a reason", (_, status, reason) => {
  expect(findPodEnd(pod(status), false)).toBe(reason);
});

test("a running pod has no end, and a missing one was deleted", () => {
  expect(findPodEnd(pod({ phase: "Running" }), false)).toBeUndefined();
  expect(findPodEnd(pod({ phase: "Running" }), true)).toBe("the pod was deleted by another program");
});
