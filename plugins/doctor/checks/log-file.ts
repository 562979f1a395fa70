import { type Check, toMessage } from "signalman";
import { findCore, findForeignReason } from "signalman/host";
import { access, constants, lstat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findExisting, findWriteFault } from "./directories.ts";

/**
 * Checks the file of the agent's log. Only a configured file is required; the agent can run without the
 * default one.
 */
export const logFile: Check = {
  async run({ config }) {
    const core = findCore(config);
    const path = core?.["log-file-path"] ?? join(tmpdir(), "agent_log");
    const fault = await findLogFault(path);
    if (fault === undefined) return [{ level: "ok", title: `log file "${path}" is writable` }];
    const isConfigured = config.options.some(
      ({ key, source }) => key === "log-file-path" && source.kind !== "default",
    );
    return [
      {
        level: isConfigured ? "error" : "warning",
        title: `log file "${path}" cannot be written: ${fault}`,
        ...(!isConfigured && { detail: "the agent runs without a log file" }),
        remedy: "change its owner to the user of the agent, or set --log-file-path to another file",
      },
    ];
  },
};

async function findLogFault(path: string): Promise<string | undefined> {
  const foreign = findForeignReason(path);
  if (foreign !== undefined) return foreign;
  if ((await findExisting(path)) !== path) return findWriteFault(dirname(path));
  const found = await lstat(path);
  if (found.isDirectory()) return "it is a directory";
  if (found.isSymbolicLink()) return "it is a symbolic link, which the agent does not follow";
  try {
    await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}
