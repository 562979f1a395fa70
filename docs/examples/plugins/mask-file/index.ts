import { readFileSync } from "node:fs";
import { definePlugin, jobCommand, logFilter } from "signalman";
import { config } from "./config.ts";
import { createMask } from "./mask.ts";

/** Masks the values in a file of the operator, and tells a job how many there are. */
export default definePlugin({
  name: "mask-file",
  description: "masks values from a file in job logs",
  runsIn: ["job"],
  config,
  setup(ctx, { file }) {
    ctx.provide(logFilter, "mask-file", {
      open({ addSecrets }) {
        // Read for each job, so that an edit of the file counts from the next job on.
        const values = readValues(file);
        addSecrets(values);
        return createMask(values);
      },
    });
    // `{ "do": "mask-count" }`: answers with the number of values.
    ctx.provide(jobCommand, "mask-count", { run: () => ({ values: readValues(file).length }) });
  },
});

function readValues(file: string): string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
}
