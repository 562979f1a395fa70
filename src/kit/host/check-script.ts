import { access, constants, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { toMessage } from "../../core/errors.ts";
import type { Finding } from "../../core/contracts/check.ts";

export interface CheckScriptOptions {
  /** The value of the option. An empty path has no findings. */
  readonly path: string;
  readonly option: string;
  /** Base of a relative path. Default: the agent's working directory. */
  readonly directory?: string;
  /** Level of a missing script. Default: `warning`. */
  readonly level?: "warning" | "error";
}

/**
 * Checks that the script that an option names exists and can be read. For the checks of plugins that run one.
 */
export async function checkScript(options: CheckScriptOptions): Promise<Finding[]> {
  const { path, option, directory = process.cwd(), level = "warning" } = options;
  if (path === "") return [];
  const fault = await findFault(resolve(directory, path));
  if (fault === undefined) return [{ level: "ok", title: `the script "${path}" of "${option}" exists` }];
  const remedy = `create it, readable for the agent's user, or correct --${option}`;
  return [{ level, title: `the script "${path}" of "${option}" cannot be run: ${fault}`, remedy }];
}

async function findFault(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return "it is a directory";
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "file not found";
    return code === "EACCES" ? "permission denied" : toMessage(error);
  }
}
