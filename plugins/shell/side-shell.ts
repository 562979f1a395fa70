import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Guard, type LocalTerminal, resolvePid, sendSignal, type SideShell } from "signalman/executor";
import { openShellTerminal, type OpenSessionOptions, writeShellFile } from "./open-session.ts";
import { lowerResourcePriority } from "./resource-priority.ts";

/** Returns where a shell beside a job's running one opens: in a terminal of its own in the job's control group. */
export function createSideShell(options: Omit<OpenSessionOptions, "resources">, number: number): SideShell {
  const { context, processes, startTimeoutMs } = options;
  const { directory, options: settings, commandPrefix = [] } = context;
  const name = `side-${number}`;
  const put = (text: string) => writeShellFile(directory, { name, text, user: settings.user });
  let opened: { readonly local: LocalTerminal; readonly guard: Guard } | undefined;
  return {
    open(terminal) {
      opened = openShellTerminal(options, terminal);
      return opened.local;
    },
    putCommand: put,
    putSecret: put,
    answers: directory,
    setUp: commandPrefix.length > 0 ? [] : lowerResourcePriority(),
    overflow: join(directory, `${name}-overflow`),
    startTimeoutMs,
    async end(session) {
      const leader = opened?.local.pid;
      // A program of a prefix may be between the leader and the shell.
      const shell = leader && session?.alive ? resolvePid(leader, session.shellPid) : undefined;
      if (shell !== undefined && processes.includes(shell)) sendSignal(shell, "SIGKILL");
      await opened?.guard[Symbol.asyncDispose]();
      rmSync(join(directory, name), { force: true });
    },
  };
}
