import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import type { Pod } from "../client/objects.ts";
import { refusal, startApiServer } from "../testing/api-server.ts";
import { findHandOverFault, findSuccessorFault } from "./hand-over.ts";
import { waitForServedCommands } from "./served-commands.ts";

const signal = new AbortController().signal;

function agentPod(name: string, kind = "StatefulSet"): Pod {
  return {
    metadata: {
      name,
      ownerReferences: [{ apiVersion: "apps/v1", kind, name: "agent", uid: "1", controller: true }],
    },
    spec: {
      containers: [{ volumeMounts: [{ name: "state", mountPath: "/state" }] }],
      volumes: [{ name: "state", persistentVolumeClaim: {} }],
    },
  };
}

describe("a hand-over", () => {
  const place = { stateDirectory: "/state/a", owner: "agent-owner" };

  test("needs a StatefulSet, an owner of jobs' pods, and a state that stays", () => {
    expect(findHandOverFault(agentPod("agent-0"), place)).toBeUndefined();
    expect(findHandOverFault(undefined, place)).toContain("was not found");
    expect(findHandOverFault(agentPod("agent-x", "ReplicaSet"), place)).toContain("StatefulSet");
    expect(findHandOverFault(agentPod("agent-0"), { ...place, owner: undefined })).toContain(
      "kubernetes-owner",
    );
    expect(findHandOverFault(agentPod("agent-0"), { ...place, stateDirectory: "/other" })).toContain(
      "is in the container's file system",
    );
  });

  test.each([
    ["agent-0", { metadata: { name: "agent", uid: "1" }, spec: { replicas: 1 } }, undefined],
    ["agent-0", { metadata: { name: "agent", uid: "1" } }, undefined],
    [
      "agent-12",
      { metadata: { name: "agent", uid: "1" }, spec: { replicas: 3, ordinals: { start: 10 } } },
      undefined,
    ],
    ["agent-1", { metadata: { name: "agent", uid: "1" }, spec: { replicas: 1 } }, "scaled to 1 replicas"],
    ["agent-0", { metadata: { name: "agent", uid: "1" }, spec: { replicas: 0 } }, "scaled to 0 replicas"],
    ["agent-0", { metadata: { name: "agent", uid: "2" }, spec: { replicas: 1 } }, "is being deleted"],
    [
      "agent-0",
      { metadata: { name: "agent", uid: "1", deletionTimestamp: "2026" }, spec: { replicas: 1 } },
      "is being deleted",
    ],
  ])("to the next pod %p of the StatefulSet %j: %p", async (name, statefulSet, fault) => {
    await using server = startApiServer(() => Response.json(statefulSet));
    const found = await findSuccessorFault(server.client, agentPod(name), signal);
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(fault);
    expect(server.received[0]?.path).toBe("/apis/apps/v1/namespaces/jobs/statefulsets/agent");
  });

  test("is not made when the StatefulSet is deleted, and fails where it cannot be read", async () => {
    await using gone = startApiServer(() => refusal(404, "NotFound", "no"));
    expect(await findSuccessorFault(gone.client, agentPod("agent-0"), signal)).toContain("is deleted");
    await using refused = startApiServer(() => refusal(403, "Forbidden", "no"));
    expect(findSuccessorFault(refused.client, agentPod("agent-0"), signal)).rejects.toThrow("no");
  });

  test("waits for a command that its job's process serves", async () => {
    const logger = createRecordingLogger();
    let asked = 0;
    const areServed = async () => ++asked < 3;
    expect(await waitForServedCommands({ areServed }, { logger, signal })).toBe(true);
    expect([asked, logger.entries.map(({ message }) => message)]).toEqual([
      3,
      [
        "the hand-over waits for a command that its job's process serves, such as a checkout from a git mirror",
      ],
    ]);
  });

  test("is not made while such a command runs on", async () => {
    const logger = createRecordingLogger();
    expect(await waitForServedCommands({ areServed: async () => true }, { logger, signal, limitMs: 1 })).toBe(
      false,
    );
    const aborted = AbortSignal.abort();
    expect(
      waitForServedCommands({ areServed: async () => true }, { logger, signal: aborted }),
    ).rejects.toThrow();
  });
});
