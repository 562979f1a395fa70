import type { Namespace } from "./namespaces.ts";

const name = "second";
/** The cluster takes a node for lost after forty seconds without a heartbeat. */
const heartbeatMs = 5000;

/**
 * A second node that is ready, and takes no pods: a name in the API with heartbeats and no machine behind it.
 * A cluster whose nodes are all lost takes itself for the lost one, and gives up none of their pods. Disposal
 * removes the node.
 */
export async function addSecondNode({ kubectl }: Namespace): Promise<AsyncDisposable> {
  await kubectl(
    ["apply", "--filename=-"],
    JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name }, spec: { unschedulable: true } }),
  );
  const conditions = () => {
    const now = new Date().toISOString();
    return [{ type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: now }];
  };
  const beat = async () => {
    const patch = JSON.stringify({ status: { conditions: conditions() } });
    await kubectl(["patch", "node", name, "--subresource=status", "--type=merge", `--patch=${patch}`]);
  };
  await beat();
  const stopping = new AbortController();
  const beating = (async () => {
    while (!stopping.signal.aborted) {
      await Bun.sleep(heartbeatMs);
      await beat().catch(() => {});
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await beating;
      await kubectl(["delete", "node", name]);
    },
  };
}
