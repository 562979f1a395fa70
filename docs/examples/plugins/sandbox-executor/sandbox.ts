import { join } from "node:path";
import { AgentError, type Executor, type ExecutorContext } from "signalman";
import {
  createJobProcesses,
  createSession,
  decodeVariables,
  type LocalTerminal,
  openLocalTerminal,
  type Session,
  startGuard,
  toExportFile,
} from "signalman/terminal";
import { toBubblewrap } from "./bubblewrap.ts";
import type { SandboxConfig } from "./config.ts";
import { endSandbox, findFrame, type Frame } from "./end-sandbox.ts";
import { injectFile } from "./inject-file.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/** One login bash in a bubblewrap sandbox, with a home and a /tmp of the job's own. */
export function createSandboxExecutor(context: ExecutorContext, options: SandboxConfig): Executor {
  const { cookie, directory, logger } = context;
  const processes = createJobProcesses({ cookie });
  const cleanup = new AsyncDisposableStack();
  cleanup.use(processes);
  const stopStart = new AbortController();
  const now = new AbortController();
  let open:
    | {
        readonly session: Session<LocalTerminal>;
        readonly workspace: Workspace;
        readonly frame: Frame | undefined;
      }
    | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  async function begin(signal: AbortSignal): Promise<void> {
    const { HOME = "", XDG_RUNTIME_DIR: _, ...rest } = context.environment;
    const home = HOME === "" || HOME === "/" ? "/home/job" : HOME;
    const environment = { ...rest, HOME: home, TMPDIR: "/tmp" };
    if (Bun.which("bwrap", { PATH: rest["PATH"] ?? "" }) === null) {
      throw new AgentError("TERMINAL_FAILED", 'no "bwrap" in the PATH: install bubblewrap');
    }
    if (process.getuid?.() === 0) {
      logger.warn("the agent runs as root, whose files a sandbox does not hide: run it as an ordinary user");
    }
    const workspace = cleanup.use(createWorkspace(directory, home, logger));
    const session = await createSession(
      {
        open: (terminal) => {
          const command = toBubblewrap(terminal.command, workspace, options);
          const local = openLocalTerminal({ ...terminal, command, env: environment });
          processes.addRoot(local.pid);
          return local;
        },
        putCommand: (text) => workspace.put("command", `${text}\n`),
        overflow: join(directory, "overflow"),
        size: context.options.terminalSize,
        startTimeoutMs: options["start-timeout"] * 1000,
      },
      signal,
    );
    const frame = findFrame(processes, session);
    open = { session, workspace, frame };
    if (frame) {
      const leaderPid = session.terminal.pid;
      cleanup.use(startGuard({ cookie, shellPid: frame.shell, leaderPid, env: environment, logger }));
    }
  }

  const sandbox: Executor = {
    async start(signal) {
      if (stopped) return 1;
      const beginning = begin(AbortSignal.any([signal, stopStart.signal]));
      starting = beginning.catch(() => {});
      try {
        await beginning;
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
        workspace.take("environment");
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
          frame: open?.frame,
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
