import { dirname } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { AgentError, toMessage } from "signalman";
import { readHostFile } from "signalman/host";
import { parse } from "yaml";

/**
 * Loads a kubeconfig file. It and the files that it names are read here first, because a job may have
 * replaced one by a FIFO, on which the package would block. Throws `FILE_FAILED` with the file's path.
 */
export function loadKubeconfig(config: KubeConfig, file: string): void {
  const text = read(file).toString();
  for (const path of listTokenFiles(text)) read(path);
  config.loadFromString(text);
  config.makePathsAbsolute(dirname(file));
}

/** Throws `FILE_FAILED` when a file that the package reads for each request cannot be read. */
export function assertReadable(config: KubeConfig): void {
  const user = config.getCurrentUser();
  const files = [config.getCurrentCluster()?.caFile, user?.certFile, user?.keyFile];
  for (const path of files) if (path) read(path);
}

function read(path: string): Buffer {
  try {
    return readHostFile(path, { maxBytes });
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `"${path}" cannot be read: ${toMessage(cause)}`, { cause });
  }
}

const maxBytes = 8 * 1024 * 1024;

/** Lists the files that the package reads when it loads the configuration. */
function listTokenFiles(text: string): string[] {
  const { users = [] } = Object(parse(text, { merge: true })) as { readonly users?: unknown };
  if (!Array.isArray(users)) return [];
  return users.flatMap((entry: unknown) => {
    const { token, "token-file": path } = Object((Object(entry) as UserEntry).user) as UserFields;
    return !token && typeof path === "string" && path !== "" ? [path] : [];
  });
}

interface UserEntry {
  readonly user?: unknown;
}

interface UserFields {
  readonly token?: unknown;
  readonly "token-file"?: unknown;
}
