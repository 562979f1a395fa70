import type { Executor, ExecutorContext } from "signalman";
import { createJobProcesses, decodeVariables, toExportFile } from "signalman/terminal";
import type { SandboxConfig } from "./config.ts";
import { endSandbox } from "./end-sandbox.ts";
import { injectFile } from "./inject-file.ts";
import { openSandbox, type Sandbox } from "./open-sandbox.ts";

/** Runs a job in one login bash in a bubblewrap sandbox, with its own home and /tmp. */
export function createSandboxExecutor(context: ExecutorContext, config: SandboxConfig): Executor {
  const { cookie, logger } = context;
  const processes = createJobProcesses({ cookie });
  const cleanup = new AsyncDisposableStack();
  cleanup.use(processes);
  const stopStart = new AbortController();
  const now = new AbortController();
  let open: Sandbox | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  async function begin(signal: AbortSignal): Promise<void> {
    open = await openSandbox({ context, config, processes, cleanup }, signal);
  }

  const sandbox: Executor = {
    async start(signal) {
      if (stopped) return 1;
      const opening = begin(AbortSignal.any([signal, stopStart.signal]));
      starting = opening.catch(() => {});
      try {
        await opening;
        return 0;
      } catch (error) {
        if (signal.aborted || stopStart.signal.aborted) return 1;
        throw error;
      }
    },
    async exportEnvironment(env, output) {
      const variables = decodeVariables(env, output);
      if (variables === undefined || !open || stopped) return 1;
      const { session, workspace } = open;
      const path = workspace.put("environment", toExportFile(variables));
      try {
        return await session.run(`source ${path}`, output);
      } finally {
        workspace.remove("environment");
      }
    },
    async injectFiles(files, output) {
      for (const file of files) {
        if (!open || stopped) return 1;
        const code = await injectFile(file, open.workspace, open.session, output);
        if (code !== 0) return code;
      }
      return open && !stopped ? 0 : 1;
    },
    async run(directive, output, runOptions) {
      return open && !stopped ? open.session.run(directive, output, runOptions) : 1;
    },
    stop(graceMs) {
      stopStart.abort();
      if (stopped) setTimeout(() => now.abort(), graceMs).unref();
      stopped ??= starting.then(() =>
        endSandbox({
          processes,
          session: open?.session,
          pids: open?.pids,
          logger,
          graceMs,
          now: now.signal,
        }),
      );
      return stopped;
    },
    async [Symbol.asyncDispose]() {
      disposed ??= sandbox.stop(context.options.stopGraceMs).finally(() => cleanup.disposeAsync());
      await disposed;
    },
  };
  return sandbox;
}
