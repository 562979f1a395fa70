import type { Check } from "signalman";
import { tmpdir } from "node:os";
import { findFreeSpace, findExisting, findWriteFault } from "./directories.ts";

/** Checks the directory for temporary files of the agent and its jobs. */
export const temporaryDirectory: Check = {
  async run() {
    const path = tmpdir();
    const fault = (await findExisting(path)) === path ? await findWriteFault(path) : "it does not exist";
    if (fault === undefined) return findFreeSpace(path, "temporary directory");
    const title = `temporary directory "${path}" cannot be used: ${fault}`;
    const remedy = `create it (mkdir -m 1777 ${path}), or set TMPDIR to a directory that this user may write to`;
    return [{ level: "error", title, remedy }];
  },
};
