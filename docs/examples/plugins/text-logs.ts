import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { definePlugin, type JobEvent, logSink, type LogSinkContext, v } from "signalman";

/** Writes every job's log as plain text: `<directory>/<job's id>.log`. */
export default definePlugin({
  name: "text-logs",
  description: "writes every job's log as plain text",
  runsIn: ["agent"],
  config: v.strictObject({
    directory: v.optional(v.pipe(v.string(), v.description("Directory for the files")), "job-logs"),
  }),
  flags: { "text-logs-directory": "directory" },
  setup(ctx, { directory }) {
    ctx.provide(logSink, "text-logs", {
      open: (context) => ({ run: (signal) => writeLog(directory, context, signal) }),
    });
  },
});

async function writeLog(
  directory: string,
  { job, spool }: LogSinkContext,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, `${job.id.replaceAll(/[^\w.-]/g, "_")}.log`);
  // An agent that resumes a job after a crash reads its log from the beginning again.
  await writeFile(file, "");
  for (let batch = await spool.next({ signal }); batch; batch = await spool.next({ signal })) {
    const lines = new TextDecoder().decode(batch.lines).trimEnd().split("\n");
    await appendFile(file, lines.map((line) => toText(JSON.parse(line) as JobEvent)).join(""));
  }
}

function toText(event: JobEvent): string {
  switch (event.event) {
    case "cmd_started":
      return `$ ${event.directive}\n`;
    case "cmd_output":
      return event.output;
    case "job_finished":
      return `job ${event.result}\n`;
    default:
      return "";
  }
}
