import { readOutput } from "../../os/processes/program-output.ts";
import { findHostFile } from "../configuration/host-file.ts";
import type { PluginDeclarations } from "./plugin-declarations.ts";

/** Time for the configuration and its plugins. */
const answerMs = 500;
const maxAnswerBytes = 4 * 2 ** 20;

/**
 * Asks another process of this program what the configuration of this host adds, since a plugin may hang, print, or
 * end its process. Returns nothing without such a file, after a fault, and after the time. A configuration of the
 * working directory is never read: its code would run before Enter is pressed.
 */
export async function askPlugins(
  env: Readonly<Record<string, string | undefined>>,
): Promise<PluginDeclarations | undefined> {
  if (findHostFile(env) === undefined) return undefined;
  try {
    const { toThisProgram } = await import("../../os/this-process/this-program.ts");
    const child = Bun.spawn([...toThisProgram(), "__complete", "--plugins"], {
      cwd: "/",
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), answerMs);
    try {
      const output = await Promise.race([readOutput(child.stdout, maxAnswerBytes), late.promise]);
      return output && (JSON.parse(output.text) as PluginDeclarations);
    } finally {
      clearTimeout(timer);
      child.kill("SIGKILL");
    }
  } catch {
    return undefined;
  }
}
