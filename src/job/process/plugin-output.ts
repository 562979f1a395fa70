import type { Logger } from "../../core/contracts/logger.ts";
import { findPlace } from "../../core/host/plugin-source.ts";

/**
 * Logs what plugins print in this process, under the plugin's name as far as the stack tells. What bypasses
 * `console` and `process.stdout` is in the process's output file. `isStdoutUsed`: whether there are plugins
 * that may use `process.stdout`, which takes two milliseconds to load.
 */
export function logPluginOutput(logger: Logger, { isStdoutUsed }: { isStdoutUsed: boolean }): void {
  const log = (text: string, level: "info" | "warn" = "info") => {
    const plugin = findPlace(new Error("a plugin prints"))?.plugin ?? "output";
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    for (const line of lines) logger.child(plugin)[level](line.slice(0, lineLimit));
  };
  const format = (args: unknown[]) => process.getBuiltinModule("node:util").format(...args);
  for (const method of ["log", "info", "debug", "trace", "dir", "table"] as const)
    console[method] = (...args: unknown[]) => log(format(args));
  for (const method of ["warn", "error"] as const)
    console[method] = (...args: unknown[]) => log(format(args), "warn");
  if (!isStdoutUsed) return;
  process.stdout.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    log(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
    const done = rest.findLast((value) => typeof value === "function");
    if (done) queueMicrotask(done as () => void);
    return true;
  };
}

/** Longer lines are cut. */
const lineLimit = 4096;
