import { readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../../core/errors.ts";
import { askStatus } from "../../agent/status-socket.ts";
import { findStateDirectory, listAgentDirectories } from "../../os/state/directory.ts";
import { readKernelText } from "../../os/processes/kernel-file.ts";
import { listPids, readArguments, readEnviron } from "../../os/processes/proc.ts";
import { toUnitName } from "../../os/systemd/service-unit.ts";
import { runSystem } from "../service/system-command.ts";

/** An agent that runs a program. */
export interface RunningAgent {
  readonly pid: number;
  /** Its service of systemd; `undefined`: something else has started it. */
  readonly unit: string | undefined;
}

/** Lists the agents that run a program, by the path that it has or had. */
export function findAgents(program: string): RunningAgent[] {
  return listPids().flatMap((pid) => {
    if (readProgram(pid) !== program || readArguments(pid)[1] !== "start") return [];
    const unit = toUnitName(readKernelText(`/proc/${pid}/cgroup`) ?? "");
    // An agent that was started by hand may run in another unit, for example that of cron.
    const isService = unit !== undefined && readMainPid(unit) === pid;
    return [{ pid, unit: isService ? unit : undefined }];
  });
}

function readMainPid(unit: string): number {
  return Number(runSystem(["systemctl", "show", "--value", "--property=MainPID", unit]));
}

/**
 * Restarts a service, which hands its running job over. Resolves to why its agent has not registered within
 * the time, if so.
 */
export async function restartAgent(unit: string, limitMs: number): Promise<string | undefined> {
  try {
    runSystem(["systemctl", "restart", unit]);
  } catch (error) {
    return toMessage(error);
  }
  return findRegistrationFault(unit, limitMs);
}

async function findRegistrationFault(unit: string, limitMs: number): Promise<string | undefined> {
  let reason = "it did not start";
  for (const deadline = performance.now() + limitMs; performance.now() < deadline; await sleep(500)) {
    const pid = readMainPid(unit);
    if (pid === 0) continue;
    const answers = await Promise.all(
      stateDirectoriesOf(pid).map((directory) => askStatus(directory, answerMs)),
    );
    const status = answers.flatMap((answer) =>
      answer.kind === "status" && answer.status.pid === pid ? [answer.status] : [],
    )[0];
    if (status === undefined) reason = "it does not report its status";
    else if (status.slots.some(({ state }) => state === "waiting" || state === "running")) return undefined;
    else reason = status.slots.find(({ error }) => error !== undefined)?.error ?? "it is not registered";
  }
  return reason;
}

const answerMs = 2000;

function stateDirectoriesOf(pid: number): string[] {
  const env = Object.fromEntries(
    (readEnviron(pid)?.toString() ?? "").split("\0").flatMap((entry) => {
      const at = entry.indexOf("=");
      return at < 0 ? [] : [[entry.slice(0, at), entry.slice(at + 1)]];
    }),
  );
  const words = readArguments(pid);
  const flag = words.findIndex((word) => word === "--state-dir" || word.startsWith("--state-dir="));
  const word = words[flag];
  const directory =
    word === undefined
      ? env["SEMAPHORE_AGENT_STATE_DIR"]
      : word.includes("=")
        ? word.slice(word.indexOf("=") + 1)
        : words[flag + 1];
  try {
    return listAgentDirectories(findStateDirectory({ directory, env }));
  } catch {
    return [];
  }
}

/** A program that was replaced is shown with a remark. */
function readProgram(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
  } catch {
    return undefined;
  }
}
