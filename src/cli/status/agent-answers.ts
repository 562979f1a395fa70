import { join } from "node:path";
import { askStatus, type StatusAnswer } from "../../agent/status-socket.ts";
import type { AgentStatus } from "../../core/contracts/agent-status.ts";
import { toMessage } from "../../core/errors.ts";
import { listAgentDirectories } from "../../os/state/directory.ts";
import { readHolder } from "../../os/state/lock.ts";
import { renderStatus, renderUntimedStatus } from "../output/agent-status.ts";

/** The answer of the agent in a folder of the state directory. */
export type FolderAnswer = StatusAnswer & { readonly folder: string };

/** A line about an agent, and the same without times and sizes. */
export interface StatusText {
  readonly text: string;
  readonly untimed: string;
}

/** Time-out of a status query. */
const answerMs = 2000;

/** Asks every agent in this state directory for its status. */
export function askAgents(place: string): Promise<FolderAnswer[]> {
  const ask = async (folder: string) => ({ ...(await askStatus(folder, answerMs)), folder });
  return Promise.all(listAgentDirectories(place).toSorted().map(ask));
}

/** Renders an agent. An agent of another version, or another program, may answer: it must not hide the others. */
export function renderAgent(agent: AgentStatus, now: number): StatusText[] {
  try {
    const untimed = renderUntimedStatus(agent);
    return renderStatus(agent, now).map((text, index) => ({ text, untimed: toKey(untimed[index] ?? "") }));
  } catch (error) {
    const text = `an agent (pid ${agent.pid}) sent an invalid status: ${toMessage(error)}`;
    return [{ text, untimed: text }];
  }
}

/** Describes an agent that did not answer. */
export function toProblem({ folder, reason }: Extract<FolderAnswer, { kind: "silent" }>): string {
  const pid = readHolder(join(folder, "lock"))?.pid;
  return `agent in ${folder}${pid === undefined ? "" : ` (pid ${pid})`} did not report its status: ${reason}`;
}

export function toNoAgents(place: string): string {
  return `no agent is running in the state directory ${place} (--state-dir selects another)`;
}

/** The width of a column depends on other rows. */
function toKey(line: string): string {
  return line.replaceAll(/ +/g, " ");
}
