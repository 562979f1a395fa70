import { join } from "node:path";
import { AgentError, type ExecutorContext } from "signalman";
import {
  type JobProcesses,
  type LocalTerminal,
  openLocalTerminal,
  resolvePid,
  sendSignal,
  type SideShell,
} from "signalman/executor";
import type { SandboxConfig } from "./config.ts";
import type { Sandbox } from "./open-sandbox.ts";

export interface SideShellOptions {
  readonly context: ExecutorContext;
  readonly config: SandboxConfig;
  readonly processes: JobProcesses;
  readonly number: number;
}

/** Returns where a shell beside a job's running one opens: in the namespaces of the same sandbox. */
export function createSideShell(
  { pids, workspace, environment }: Sandbox,
  options: SideShellOptions,
): SideShell {
  const { context, config, processes, number } = options;
  const name = `side-${number}`;
  const put = (text: string) => workspace.put(name, `${text}\n`);
  let local: LocalTerminal | undefined;
  return {
    open(terminal) {
      if (pids === undefined) throw new AgentError("TERMINAL_FAILED", "the sandbox's shell was not found");
      const command = [...toEntry(pids.shell, config), ...terminal.command];
      local = openLocalTerminal({ ...terminal, command, env: environment });
      processes.addRoot(local.pid);
      return local;
    },
    putCommand: put,
    putSecret: put,
    overflow: join(context.directory, `overflow-${number}`),
    startTimeoutMs: config["start-timeout"] * 1000,
    end(session) {
      const shell = local && session?.alive ? resolvePid(local.pid, session.shellPid) : undefined;
      if (shell !== undefined) sendSignal(shell, "SIGKILL");
      workspace.remove(name);
    },
  };
}

/** Enters the namespaces of a process. Root would have capabilities there, which the sandbox has dropped. */
function toEntry(pid: number, { network }: SandboxConfig): string[] {
  const namespaces = ["--user", "--mount", "--pid", "--ipc", "--uts", ...(network ? [] : ["--net"])];
  const capabilities = process.getuid?.() === 0 ? ["--bounding-set=-all", "--inh-caps=-all"] : [];
  return [
    "nsenter",
    `--target=${pid}`,
    "--preserve-credentials",
    ...namespaces,
    "--",
    "setpriv",
    "--no-new-privs",
    ...capabilities,
    "--",
  ];
}
