import { createTextStart, type Executor, type ExecutorContext } from "signalman";
import { decodeVariables, quote, toExportFile } from "signalman/terminal";
import { createSessionEnd } from "./end-session.ts";
import { injectFile } from "./inject-files.ts";
import { createJobPod, type JobPodOptions } from "./job-pod.ts";
import { runAndExplain, runOrDie } from "./run-and-explain.ts";

/** One pod with one login bash (protocol section 6.4). */
export function createKubernetesExecutor(context: ExecutorContext, options: JobPodOptions): Executor {
  const { logger } = context;
  const pod = createJobPod(context, options);
  const sessionEnd = createSessionEnd(logger);
  const stopping = new AbortController();
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  async function end(graceMs: number): Promise<void> {
    await starting;
    if (!pod.open) return;
    await pod.usage?.read();
    await sessionEnd.end(pod.open, graceMs);
  }

  async function runSilently(command: string): Promise<{ code: number; text: string }> {
    const start = createTextStart(64 * 1024);
    const code = await executor.run(command, start.add, { silent: true });
    return { code, text: start.text };
  }

  const executor: Executor = {
    async start(signal) {
      if (stopped) return 1;
      const started = pod.create(AbortSignal.any([signal, stopping.signal]));
      starting = started.catch(() => {});
      return (await started) === 0 && !stopping.signal.aborted ? 0 : 1;
    },
    async exportEnvironment(env, output) {
      if (!pod.open || stopped) return 1;
      const variables = decodeVariables(env, output, { order: "request" });
      if (variables === undefined) return 1;
      const path = await pod.bring(toExportFile(variables)).catch(() => undefined);
      if (path === undefined) return 1;
      const code = await executor.run(`source ${quote(path)}`, output);
      pod.open.files.drop(path);
      return code;
    },
    async injectFiles(files, output) {
      for (const file of files) {
        if (!pod.open || stopped) return 1;
        const { drop } = pod.open.files;
        const code = await injectFile(file, { run: runSilently, bring: pod.bring, drop, output });
        if (code !== 0) return code;
      }
      return 0;
    },
    async run(directive, output, runOptions) {
      const { open, usage } = pod;
      if (!open || !usage || stopped) return 1;
      if (runOptions?.silent) return runOrDie(open.session, directive, output, runOptions);
      return runAndExplain({ open, usage, output, directive, isStopped: () => stopped !== undefined });
    },
    stop(graceMs) {
      stopping.abort(new Error("the job was stopped"));
      if (stopped && pod.open) sessionEnd.shorten(pod.open, graceMs);
      stopped ??= end(graceMs);
      return stopped;
    },
    usage: async () => (stopped ? (pod.usage?.last ?? {}) : ((await pod.usage?.read()) ?? {})),
    async [Symbol.asyncDispose]() {
      disposed ??= executor.stop(context.options.stopGraceMs).finally(() => pod[Symbol.asyncDispose]());
      await disposed;
    },
  };
  return executor;
}
