import { expect, test } from "bun:test";
import type { ContainerStatus, Pod } from "../client/objects.ts";
import { describeProgress } from "./pod-progress.ts";

const container = (name: string, state: object = {}, ready = false): ContainerStatus => ({
  name,
  image: "debian",
  ready,
  state,
});
const waiting = (name: string, reason: string) => container(name, { waiting: { reason } });

test.each<[string, Pod["status"], Pod["spec"], string]>([
  ["has just been created", undefined, {}, "Pending"],
  [
    "cannot be scheduled",
    {
      phase: "Pending",
      conditions: [
        {
          type: "PodScheduled",
          status: "False",
          reason: "Unschedulable",
          message: "0/3 nodes are available",
        },
      ],
    },
    {},
    "Pending: Unschedulable, 0/3 nodes are available",
  ],
  ["is scheduled", { phase: "Pending" }, { nodeName: "n1" }, "Pending, scheduled on node n1"],
  [
    "has init containers, of which the second one runs",
    {
      initContainerStatuses: [
        container("toolbox", { terminated: { exitCode: 0 } }),
        container("keys", { running: {} }),
        waiting("last", "PodInitializing"),
      ],
      containerStatuses: [waiting("main", "PodInitializing")],
    },
    { nodeName: "n1" },
    "0 of 1 containers ready; keys: running, main: PodInitializing",
  ],
  [
    "has a container that is ready, one that is not, and one that has ended",
    {
      containerStatuses: [
        container("main", { running: {} }, true),
        waiting("db", "ImagePullBackOff"),
        container("proxy", { terminated: { exitCode: 1, reason: "Error" } }),
      ],
    },
    { nodeName: "n1" },
    "1 of 3 containers ready; db: ImagePullBackOff, proxy: Error",
  ],
])("a pod that %s is described in a line", (_, status, spec, text) => {
  const pod = { metadata: { name: "p", uid: "1" }, spec, ...(status && { status }) };
  expect(describeProgress(pod)).toBe(text);
});
