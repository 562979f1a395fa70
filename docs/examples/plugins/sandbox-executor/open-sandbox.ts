import { join } from "node:path";
import { AgentError, type ExecutorContext } from "signalman";
import {
  createSession,
  type JobProcesses,
  type LocalTerminal,
  openLocalTerminal,
  type Session,
  startGuard,
} from "signalman/executor";
import { toBubblewrap } from "./bubblewrap.ts";
import type { SandboxConfig } from "./config.ts";
import { findSandboxPids, type SandboxPids } from "./end-sandbox.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/** A running sandbox: its shell, its directories and its processes. */
export interface Sandbox {
  readonly session: Session<LocalTerminal>;
  readonly workspace: Workspace;
  readonly pids: SandboxPids | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

export interface OpenSandboxOptions {
  readonly context: ExecutorContext;
  readonly config: SandboxConfig;
  readonly processes: JobProcesses;
  /** Disposes the resources that live as long as the job. */
  readonly resources: AsyncDisposableStack;
}

/** Starts bubblewrap with a login bash in it. */
export async function openSandbox(
  { context, config, processes, resources }: OpenSandboxOptions,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { cookie, directory, logger } = context;
  const { HOME = "", XDG_RUNTIME_DIR: _, ...rest } = context.environment;
  const home = HOME === "" || HOME === "/" ? "/home/job" : HOME;
  const environment = { ...rest, HOME: home, TMPDIR: "/tmp" };
  if (Bun.which("bwrap", { PATH: rest["PATH"] ?? "" }) === null) {
    throw new AgentError("TERMINAL_FAILED", '"bwrap" is not in the PATH: install bubblewrap');
  }
  if (process.getuid?.() === 0) {
    logger.warn("the agent runs as root: a sandbox does not hide the files of root, so use an ordinary user");
  }
  const workspace = resources.use(createWorkspace(directory, home, logger));
  // The sandbox has a home and an exchange directory of its own.
  const visible = context.hostPaths
    .filter(({ path, isWritten }) => !isWritten && path !== directory)
    .map(({ path }) => path);
  const session = await createSession(
    {
      open: (terminal) => {
        const command = toBubblewrap(terminal.command, workspace, visible, config);
        const local = openLocalTerminal({ ...terminal, command, env: environment });
        processes.addRoot(local.pid);
        return local;
      },
      putCommand: (text) => workspace.put("command", `${text}\n`),
      putSecret: (text) => workspace.put("command", `${text}\n`),
      overflow: join(directory, "overflow"),
      size: context.options.terminalSize,
      startTimeoutMs: config["start-timeout"] * 1000,
    },
    signal,
  );
  const pids = findSandboxPids(processes, session);
  if (pids) {
    const leaderPid = session.terminal.pid;
    resources.use(startGuard({ cookie, leaderPid, env: environment, logger })).follow(pids.shell);
  }
  return { session, workspace, pids, environment };
}
