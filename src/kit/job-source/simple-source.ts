import type { JobSource } from "../../core/contracts/job-source.ts";
import type { SimpleSourceOptions } from "./simple-source-options.ts";

/** Creates a job source that polls a queue: one job at a time, each reported until its result is stored. */
export function createSimpleSource(options: SimpleSourceOptions): JobSource {
  return {
    identity: options.identity,
    async run(context) {
      // Loaded here, since every plugin loads this file with the SDK.
      const { runSimpleSource } = await import("./run-simple-source.ts");
      return runSimpleSource(options, context);
    },
  };
}
