import type { JobSource } from "signalman";
import { isUrlName } from "./agent-name.ts";
import type { SemaphoreSourceOptions } from "./source-run.ts";

/** Takes jobs from Semaphore's self-hosted hub (protocol section 2). */
export function createSemaphoreSource(options: SemaphoreSourceOptions): JobSource {
  const { config, env } = options;
  const name = config.name || (config["name-from-env"] && env[config["name-from-env"]]) || "";
  return {
    identity: [config.endpoint ?? "", isUrlName(name) ? "" : name].filter((part) => part !== "").join(" "),
    // Only an agent needs the client.
    run: async (context) => (await import("./source-run.ts")).runSemaphoreSource(options, context),
  };
}
