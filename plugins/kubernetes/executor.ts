import { setTimeout as sleep } from "node:timers/promises";
import { type Executor, type ExecutorContext, type Output, toMessage } from "signalman";
import { decodeVariables, quote, toExportFile } from "signalman/terminal";
import { removeJob } from "./clean-up.ts";
import { type Client } from "./client/client.ts";
import { injectFile } from "./inject-files.ts";
import { openSession, type PodSession } from "./open-session.ts";
import { mainContainer } from "./pod/build-pod.ts";
import { toNames } from "./pod/names.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { runAndExplain, runOrDie } from "./run-and-explain.ts";
import { toStep } from "./session/steps.ts";
import type { KubernetesSettings } from "./settings.ts";
import { createUsageReader, type UsageReader } from "./usage.ts";
import { type PodWatch, watchPod } from "./wait/pod-watch.ts";

export interface KubernetesExecutorOptions {
  readonly settings: KubernetesSettings;
  /** Connects to the API server; throws with the reason when that is not configured. */
  readonly connect: () => Promise<Client>;
}

/** Milliseconds to keep trying to delete a job's objects before the agent's process takes over. */
const removalMs = 5000;
/** Milliseconds that the end of a job may take in its pod, after the grace period. */
const endMs = 5000;

/** One pod with one login bash (protocol section 6.4). */
export function createKubernetesExecutor(
  context: ExecutorContext,
  options: KubernetesExecutorOptions,
): Executor {
  const { settings } = options;
  const { job, log, logger } = context;
  const names = toNames(job.id);
  const cleanup = new AsyncDisposableStack();
  const stopping = new AbortController();
  let client: Client | undefined;
  let prepared: Prepared | undefined;
  let open: PodSession | undefined;
  let usage: UsageReader | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;
  let endAt = Number.POSITIVE_INFINITY;

  async function start(signal: AbortSignal): Promise<number> {
    const code = await log.command("Creating Kubernetes resources for job...", async (output) => {
      try {
        const connected = await options.connect();
        client = connected;
        cleanup.defer(() => removeEverything(connected));
        prepared = await prepare({ client: connected, context, settings, names, output, signal });
      } catch (error) {
        if (!signal.aborted) output(`${toMessage(error)}\n`);
      }
      return prepared ? 0 : 1;
    });
    if (code !== 0 || !client || !prepared) return 1;
    const watch = cleanup.use(watchPod(client, prepared.pod, logger));
    usage = createUsageReader(client, { pod: names.pod, container: mainContainer });
    return log.command("Starting shell session...", (output) => startSession(watch, output, signal));
  }

  async function startSession(watch: PodWatch, output: Output, signal: AbortSignal): Promise<number> {
    if (!client) return 1;
    try {
      open = cleanup.use(await openSession({ client, context, settings, watch, output, signal }));
      return await tellIdentity(output);
    } catch (error) {
      if (!signal.aborted) output(`${toMessage(error)}\n`);
      return 1;
    }
  }

  async function tellIdentity(output: Output): Promise<number> {
    const questions = [
      ["whoami", "User", "Failed to determine user"],
      ["id", "User identity", "Failed to determine user identity"],
      ["pwd", "Working directory", "Failed to determine working directory"],
    ] as const;
    for (const [command, title, failure] of questions) {
      const { code, text } = await runSilently(command);
      // A user without a name is no fault: images run under any number.
      if (code !== 0 && command !== "whoami") {
        output(`${failure}\n`);
        return 1;
      }
      output(code === 0 ? `${title}: ${text.trimEnd()}\n` : `${failure}\n`);
    }
    return 0;
  }

  async function runSilently(command: string): Promise<{ code: number; text: string }> {
    const chunks: Buffer[] = [];
    const collect: Output = (chunk) => void chunks.push(Buffer.from(chunk));
    const code = await executor.run(command, collect, { silent: true });
    return { code, text: Buffer.concat(chunks).toString() };
  }

  /** Resolves to the path of these bytes in the pod: in the job's secret, or sent now. */
  async function bring(bytes: Uint8Array): Promise<string> {
    return prepared?.secret.find(bytes) ?? (await open!.files.put("file", bytes));
  }

  async function end(graceMs: number): Promise<void> {
    if (!open) return;
    await usage?.read();
    tellEnd(graceMs);
    const isOver = () => !open?.session.alive || performance.now() > endAt;
    while (!isOver()) await Promise.race([open.session.ended, sleep(100)]);
    const { pendingBytes } = open.session;
    if (pendingBytes > 0) logger.info("output arrived after the last command", { bytes: pendingBytes });
    await open[Symbol.asyncDispose]();
  }

  function tellEnd(graceMs: number): void {
    endAt = Math.min(endAt, performance.now() + graceMs + endMs);
    if (open?.session.alive) open.link.send(toStep("end_job", graceMs, open.session.shellPid));
  }

  async function removeEverything(connected: Client): Promise<void> {
    try {
      await removeJob(connected, names, { retryMs: removalMs });
    } catch (error) {
      logger.warn(
        `pod "${names.pod}" and its secrets could not be deleted: ${toMessage(error)}; the agent tries again`,
      );
    }
  }

  const executor: Executor = {
    async start(signal) {
      if (stopped) return 1;
      const started = start(AbortSignal.any([signal, stopping.signal]));
      starting = started.catch(() => {});
      return (await started) === 0 && !stopping.signal.aborted ? 0 : 1;
    },
    async exportEnvironment(env, output) {
      if (!open || stopped) return 1;
      const variables = decodeVariables(env, output);
      if (variables === undefined) return 1;
      const path = await bring(toExportFile(variables)).catch(() => undefined);
      if (path === undefined) return 1;
      const code = await executor.run(`source ${quote(path)}`, output);
      open.files.drop(path);
      return code;
    },
    async injectFiles(files, output) {
      for (const file of files) {
        if (!open || stopped) return 1;
        const code = await injectFile(file, { run: runSilently, bring, drop: open.files.drop, output });
        if (code !== 0) return code;
      }
      return 0;
    },
    async run(directive, output, runOptions) {
      if (!open || !usage || stopped) return 1;
      if (runOptions?.silent) return runOrDie(open.session, directive, output, runOptions);
      return runAndExplain({ open, usage, output, directive, isStopped: () => stopped !== undefined });
    },
    stop(graceMs) {
      stopping.abort(new Error("the job was stopped"));
      if (stopped) tellEnd(graceMs);
      stopped ??= starting.then(() => end(graceMs));
      return stopped;
    },
    usage: async () => (stopped ? (usage?.last ?? {}) : ((await usage?.read()) ?? {})),
    async [Symbol.asyncDispose]() {
      disposed ??= executor.stop(context.options.stopGraceMs).finally(() => cleanup.disposeAsync());
      await disposed;
    },
  };
  return executor;
}
