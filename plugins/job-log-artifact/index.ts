import { check, definePlugin, type Hook, type JobRequest, readVariable, withoutSecrets } from "signalman";
import { config, toCompressionSize, toUploadCondition } from "./config.ts";

/** Uploads the complete log of a job as an artifact, with the program `artifact` (protocol section 6.6). */
export default definePlugin({
  name: "job-log-artifact",
  description: "uploads the complete log of a job as an artifact",
  runsIn: ["agent"],
  config,
  flags: {
    "upload-job-logs": "upload-job-logs",
    "logs-compression-size": "logs-compression-size",
    "artifact-upload-timeout": "artifact-upload-timeout",
  },
  setup(ctx, options) {
    const {
      "upload-job-logs": configured,
      "from-job": isFromJob,
      "artifact-upload-timeout": timeout,
    } = options;
    const toCondition = ({ env }: JobRequest) =>
      isFromJob ? toUploadCondition(readVariable(env, "SEMAPHORE_AGENT_UPLOAD_JOB_LOGS")) : configured;
    const compressFrom = toCompressionSize(options["logs-compression-size"], (fault) => {
      if (configured !== "never" || isFromJob) ctx.log.error(fault);
    });
    ctx.provide(check, "artifact", {
      run: async ({ env }) =>
        configured === "never" ? [] : (await import("./check-program.ts")).checkProgram(env),
    });
    const uploads = new Set<Promise<void>>();

    const onFlushed: Hook<"agent:log-flushed"> = async ({ job, spool, trimmed }) => {
      const when = toCondition(job);
      if (when === "never" || (when === "when-trimmed" && !trimmed)) return;
      const { uploadLog } = await import("./upload.ts");
      const upload = uploadLog({
        job,
        spool,
        compressFrom,
        timeoutMs: timeout * 1000,
        env: withoutSecrets(process.env),
        logger: ctx.log.child("job-log-artifact", { job: job.id }),
        signal: ctx.signal,
      });
      uploads.add(upload);
      await upload.finally(() => uploads.delete(upload));
    };
    // The upload ends by itself at its time-out, and logs why; the margin is for that.
    ctx.hook("agent:log-flushed", onFlushed, { timeoutMs: timeout * 1000 + 5000 });
    // Uploads remove their files before the agent exits.
    ctx.defer(async () => void (await Promise.allSettled(uploads)));
  },
});
