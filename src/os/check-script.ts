import { access, constants, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { toMessage } from "../core/errors.ts";
import type { Finding } from "../core/contracts/check.ts";

export interface CheckScriptOptions {
  /** As the option has it; empty: there is none, and nothing is found. */
  readonly path: string;
  readonly option: string;
  /** Where a relative path begins. Default: the agent's working directory. */
  readonly directory?: string;
  /** Of a script that is not there. Default: `warning`. */
  readonly level?: "warning" | "error";
}

/** Whether a script that an option names is there, and can be read. For checks of plugins that run one. */
export async function checkScript(options: CheckScriptOptions): Promise<Finding[]> {
  const { path, option, directory = process.cwd(), level = "warning" } = options;
  if (path === "") return [];
  const fault = await findFault(resolve(directory, path));
  if (fault === undefined) return [{ level: "ok", title: `the script "${path}" of "${option}" is there` }];
  const remedy = `put it there for the agent's user to read, or correct --${option}`;
  return [{ level, title: `the script "${path}" of "${option}" cannot be run: ${fault}`, remedy }];
}

async function findFault(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return "it is a directory";
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
    return code === "EACCES" ? "this user may not read it" : toMessage(error);
  }
}
