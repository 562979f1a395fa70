import { copyFile, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { buildOnDebian } from "../support/cluster/images.ts";
import { ports } from "../support/cluster/layout.ts";
import { binary, root } from "../support/fixtures.ts";

/** The image of an agent: the binary that was built last, at the path that third parties rely on. */
export const agentImage = "signalman/agent:test";

/** The same with git. */
export const agentGitImage = "signalman/agent-git:test";

/**
 * Builds the image and imports it into the cluster's first node. Returns its archive. `gitRoot`: a tar file with the
 * root of Debian with git, for `agentGitImage`.
 */
export async function buildAgentImage(gitRoot?: string): Promise<string> {
  const directory = path.join(root, "dist", "agent-image");
  await rm(directory, { recursive: true, force: true });
  await mkdir(path.join(directory, "opt", "semaphore"), { recursive: true });
  await copyFile(binary, path.join(directory, "opt", "semaphore", "agent"));
  return gitRoot === undefined
    ? buildOnDebian(agentImage, directory, { user: "1000" })
    : buildOnDebian(agentGitImage, directory, { user: "1000", base: gitRoot });
}

/** The cluster has no service network: a pod reaches the API server, and the hub, on the host's loopback. */
export const hostAccess = {
  hostNetwork: true,
  env: [
    { name: "KUBERNETES_SERVICE_HOST", value: "127.0.0.1" },
    { name: "KUBERNETES_SERVICE_PORT", value: String(ports.apiServer) },
    { name: "SEMAPHORE_AGENT_NO_HTTPS", value: "true" },
  ],
} as const;
