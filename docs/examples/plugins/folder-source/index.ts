import { join } from "node:path";
import { definePlugin, jobSource, logBackend } from "signalman";
import { config } from "./config.ts";
import { openLogFile } from "./log-file.ts";
import { createFolderSource } from "./source.ts";

/** Takes jobs from a directory, and writes their results and logs there. */
export default definePlugin({
  name: "folder-source",
  description: "takes jobs from a directory of YAML files",
  runsIn: ["agent"],
  config,
  flags: { folder: "directory", "folder-poll-interval": "poll-interval" },
  setup(ctx, options) {
    ctx.provide(jobSource, "folder", createFolderSource(options));
    // The log method of the jobs of this source.
    ctx.provide(logBackend, "folder", {
      open: (context) => openLogFile(join(options.directory, "done", `${context.job.id}.ndjson`), context),
    });
  },
});
