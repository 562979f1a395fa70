import { homedir } from "node:os";
import type { CheckContext, Finding, v } from "signalman";
import { checkScript } from "signalman/host";
import type { config } from "./config.ts";

/** Checks the scripts on this host. A job in a container may use other files. */
export async function checkHooks(
  options: v.InferOutput<typeof config>,
  { env }: CheckContext,
): Promise<Finding[]> {
  const directory = env["HOME"] || homedir();
  const checkHook = (option: "pre-job-hook-path" | "post-job-hook-path", level: "warning" | "error") => {
    // The session's shell expands such a path with the job's variables.
    const path = options[option].replace(/^~\//, `${directory}/`);
    return path.includes("$") ? [] : checkScript({ path, option, directory, level });
  };
  return [
    ...(await checkHook("pre-job-hook-path", options["fail-on-pre-job-hook-error"] ? "error" : "warning")),
    ...(await checkHook("post-job-hook-path", "warning")),
  ];
}
