import { chmodSync, mkdirSync } from "node:fs";
import { join, dirname } from "node:path";
import { AgentError, type ExecutorContext } from "signalman";
import {
  createSession,
  findProgram,
  type Guard,
  type JobProcesses,
  type LocalTerminal,
  openLocalTerminal,
  quote,
  resolvePid,
  type Session,
  startGuard,
  type TerminalOptions,
  toUserCommand,
  type JobUser,
} from "signalman/executor";
import { openInGroup } from "./control-group.ts";
import { lowerResourcePriority, runBefore } from "./resource-priority.ts";
import { writePrivateFile } from "./private-file.ts";

export interface OpenSessionOptions {
  readonly context: Pick<
    ExecutorContext,
    "cookie" | "environment" | "directory" | "logger" | "options" | "commandPrefix"
  >;
  readonly processes: JobProcesses;
  readonly startTimeoutMs: number;
  /** Receives the guard, which outlives a session that does not start. */
  readonly resources: AsyncDisposableStack;
}

export interface OpenedSession {
  readonly session: Session<LocalTerminal>;
  /** Does not know the shell's pid yet. */
  readonly guard: Guard;
}

/** Opens the login shell of a job in a terminal of its own. */
export async function openSession(
  { context, processes, startTimeoutMs, resources }: OpenSessionOptions,
  signal: AbortSignal,
): Promise<OpenedSession> {
  const { directory, options, commandPrefix = [] } = context;
  const { user } = options;
  let guard: Guard | undefined;
  // Before the session, since a sandbox can let through only what exists.
  if (options.home !== undefined && !user) mkdirSync(options.home, { recursive: true, mode: 0o700 });
  // The user can open files here by their names, and change nothing.
  if (user) chmodSync(directory, 0o711);
  const session = await createSession(
    {
      open: (terminal) => {
        const opened = openShellTerminal({ context, processes }, terminal);
        guard = resources.use(opened.guard);
        return opened.local;
      },
      putCommand: (text) => writeShellFile(directory, { name: "command", text, user }),
      putSecret: (text) => writeShellFile(directory, { name: "command", text, user }),
      setUp: commandPrefix.length > 0 ? [] : lowerResourcePriority(),
      answers: directory,
      overflow: join(directory, "overflow"),
      size: options.terminalSize,
      startTimeoutMs,
    },
    signal,
  );
  return { session, guard: guard! };
}

/** Opens a terminal of the job's user, behind the command prefix and in the job's control group, with its guard. */
export function openShellTerminal(
  { context, processes }: Pick<OpenSessionOptions, "context" | "processes">,
  terminal: TerminalOptions,
): { readonly local: LocalTerminal; readonly guard: Guard } {
  const { cookie, environment, logger, options, commandPrefix = [] } = context;
  const { user, limits } = options;
  const { group } = processes;
  // The program of a prefix, such as a sandbox, may be unable to change its own limits.
  const lowering = commandPrefix.length > 0 ? lowerResourcePriority() : [];
  const asUser = toUserCommand(user, [...commandPrefix, ...terminal.command]);
  const local = openInGroup(group, limits, ({ controlGroup, enter }) =>
    openLocalTerminal({
      ...terminal,
      command: runBefore([...enter, ...lowering], asUser),
      env: environment,
      controlGroup,
      ...(user && { cwd: "/" }),
    }),
  );
  processes.addRoot(local.pid);
  // It starts while the shell does, which takes as long.
  const guard = startGuard({ cookie, uid: user?.uid, leaderPid: local.pid, env: environment, logger, group });
  return { local, guard };
}

/**
 * Returns the pid of the job's shell, which the clean-up and the guard follow from here on. The pid that the
 * terminal reports is untrusted, because an agent that runs as root may signal every process.
 */
export function followShell({ session, guard }: OpenedSession, processes: JobProcesses): number {
  const { terminal, shellPid } = session;
  const pid = resolvePid(terminal.pid, shellPid) ?? terminal.pid;
  processes.addRoot(pid);
  guard.follow(pid);
  return pid;
}

/** Changes to the job's home directory, if one is configured, and makes `signalman` available in PATH. */
export async function prepareSession(
  session: Session,
  { options }: Pick<ExecutorContext, "options">,
  signal: AbortSignal,
): Promise<void> {
  if (options.home !== undefined && options.user === undefined)
    await changeHome(session, options.home, signal);
  await addProgramToPath(session);
}

/** Changes to the home. Programs that the login profile has set up stay as they are. */
async function changeHome(session: Session, home: string, signal: AbortSignal): Promise<void> {
  const code = await session.run(`export HOME=${quote(home)} && cd -- "$HOME"`, () => {}, { silent: true });
  if (code !== 0 && !signal.aborted) {
    throw new AgentError("SESSION_FAILED", `the shell cannot change to the job's home "${home}"`);
  }
}

/**
 * Writes a file into the job's directory for a shell to source, and returns the path. Restores a directory that
 * the job has deleted.
 */
export function writeShellFile(
  directory: string,
  { name, text, user }: { readonly name: string; readonly text: string; readonly user?: JobUser | undefined },
): string {
  const path = join(directory, name);
  try {
    writePrivateFile(path, `${text}\n`, { user });
  } catch (error) {
    if (!restoreDirectory(directory)) throw error;
    writePrivateFile(path, `${text}\n`, { user });
  }
  return path;
}

function restoreDirectory(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
    return true;
  } catch {
    return false;
  }
}

/**
 * Appends the directory of this program to a job's PATH, unless PATH already has a `signalman`: jobs call
 * `signalman redact`.
 */
async function addProgramToPath(session: Session): Promise<void> {
  const program = findProgram();
  if (program === undefined) return;
  const command = `type -P signalman >/dev/null || PATH="${"${PATH-}"}:"${quote(dirname(program))}`;
  await session.run(command, () => {}, { silent: true });
}
