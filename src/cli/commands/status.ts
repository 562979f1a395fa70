import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askStatus, type StatusAnswer } from "../../agent/status-socket.ts";
import type { AgentStatus } from "../../core/contracts/agent-status.ts";
import { readCore } from "../../agent/options/read-core.ts";
import { toMessage } from "../../core/errors.ts";
import { findStateDirectory, listAgentDirectories } from "../../os/state/directory.ts";
import { readHolder } from "../../os/state/lock.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { renderStatus } from "../output/agent-status.ts";
import { print, printJson } from "../output/print.ts";
import { toPrintable } from "../../core/text/printable.ts";

/** Time-out of a status query. */
const answerMs = 2000;
const watchMs = 1000;

export default defineCommand({
  meta: { name: "status", description: "show the status of the agents on this host" },
  group: "operate",
  examples: [
    { line: "signalman status", purpose: "show the agents on this host" },
    { line: "signalman status --watch", purpose: "refresh it every second" },
    { line: "signalman status --json", purpose: "print it for a script" },
  ],
  listedOptions: ["config-file", "config-env", "state-dir"],
  configurationPlace: "host",
  log: "stderr",
  args: {
    json: { type: "boolean", description: "print JSON" },
    watch: { type: "boolean", description: "refresh every second until Ctrl-C" },
  },
  async run({ args, program }) {
    const core = readCore(program);
    const place = findStateDirectory({ directory: core["state-dir"], env: process.env });
    const isStream = args.watch === true;
    const isJson = args.json === true;
    const { stdout } = process;
    const isLive = isStream && !isJson && stdout.isTTY;
    const closed = new AbortController();
    stdout.once("error", () => closed.abort());
    if (isLive) stdout.write("\u001b[2J");
    for (;;) {
      const answers = await askAll(place);
      const agents = answers.flatMap((one) => (one.kind === "status" ? [one.status] : []));
      const problems = answers.flatMap((one) => (one.kind === "silent" ? [toProblem(one)] : []));
      if (isJson) {
        printJson(agents, isStream ? 0 : 2);
        if (problems.length > 0) print(problems.join("\n"), process.stderr);
      } else {
        const text = toText(agents, problems, place);
        if (isLive) stdout.write(toScreen(text, stdout));
        else print(text);
      }
      process.exitCode = agents.length > 0 ? 0 : 1;
      if (!isStream || closed.signal.aborted) return;
      await sleep(watchMs);
    }
  },
});

type FolderAnswer = StatusAnswer & { readonly folder: string };

/** Asks every agent in this state directory for its status. */
function askAll(place: string): Promise<FolderAnswer[]> {
  const ask = async (folder: string) => ({ ...(await askStatus(folder, answerMs)), folder });
  return Promise.all(listAgentDirectories(place).toSorted().map(ask));
}

function toProblem({ folder, reason }: Extract<FolderAnswer, { kind: "silent" }>): string {
  const pid = readHolder(join(folder, "lock"))?.pid;
  return `agent in ${folder}${pid === undefined ? "" : ` (pid ${pid})`} did not report its status: ${reason}`;
}

function toText(agents: readonly AgentStatus[], problems: readonly string[], place: string): string {
  const shown = agents.map(toBlock);
  if (shown.length === 0 && problems.length === 0) {
    return `no agent is running in the state directory ${place} (--state-dir selects another)`;
  }
  return toPrintable([...shown, ...problems].join("\n\n"));
}

/** An agent of another version, or another program, may answer: its answer must not hide the other agents. */
function toBlock(agent: AgentStatus): string {
  try {
    return renderStatus(agent, Date.now()).join("\n");
  } catch (error) {
    return `an agent (pid ${agent.pid}) sent an invalid status: ${toMessage(error)}`;
  }
}

/**
 * Overwrites the screen without clearing it first, which would flicker. Lines and columns beyond its size are
 * cut off.
 */
function toScreen(text: string, screen: { columns: number; rows: number }): string {
  const [columns, rows] = [screen.columns || 80, screen.rows || 24];
  const lines = text
    .trimEnd()
    .split("\n")
    .slice(0, Math.max(1, rows - 1));
  return `\u001b[H${lines.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join("")}\u001b[J`;
}
