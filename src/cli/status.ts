import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askStatus, type StatusAnswer } from "../agent/status-socket.ts";
import type { AgentStatus } from "../core/contracts/agent-status.ts";
import { coreName } from "../core/config/flags.ts";
import type { CoreConfig } from "../agent/options/index.ts";
import { AgentError, toMessage } from "../core/errors.ts";
import { defaultStateDirectory } from "../os/state/directory.ts";
import { readHolder } from "../os/state/lock.ts";
import { defineCommand } from "../core/contracts/command.ts";
import { renderStatus } from "./render-status.ts";

const answerMs = 2000;
const watchMs = 1000;

export default defineCommand({
  meta: { name: "status", description: "show how the agents on this host stand" },
  log: "stderr",
  args: {
    json: { type: "boolean", description: "print JSON" },
    watch: { type: "boolean", description: "show it anew each second, until Ctrl-C" },
  },
  async run({ args, program }) {
    const core = program.config.of(coreName) as CoreConfig;
    const place = core["state-dir"] ?? defaultStateDirectory(process.env);
    const isStream = args.watch === true;
    const isJson = args.json === true;
    const { stdout } = process;
    const isLive = isStream && !isJson && stdout.isTTY;
    const gone = new AbortController();
    stdout.once("error", () => gone.abort());
    if (isLive) stdout.write("\u001b[2J");
    for (;;) {
      const answers = await askAll(place);
      const agents = answers.flatMap((one) => (one.kind === "status" ? [one.status] : []));
      const troubles = answers.flatMap((one) => (one.kind === "silent" ? [toTrouble(one)] : []));
      if (isJson) {
        stdout.write(`${JSON.stringify(agents, null, isStream ? 0 : 2)}\n`);
        process.stderr.write(troubles.join(""));
      } else {
        const text = toText(agents, troubles, place);
        stdout.write(isLive ? toScreen(text, stdout) : text);
      }
      process.exitCode = agents.length > 0 ? 0 : 1;
      if (!isStream || gone.signal.aborted) return;
      await sleep(watchMs);
    }
  },
});

type FolderAnswer = StatusAnswer & { readonly folder: string };

/** Every agent that works below this state directory. */
function askAll(place: string): Promise<FolderAnswer[]> {
  const ask = async (folder: string) => ({ ...(await askStatus(folder, answerMs)), folder });
  return Promise.all(foldersIn(join(place, "agents")).map(ask));
}

function foldersIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .toSorted()
      .map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new AgentError("FILE_FAILED", `cannot look for agents: ${toMessage(error)}`, { cause: error });
  }
}

function toTrouble({ folder, reason }: Extract<FolderAnswer, { kind: "silent" }>): string {
  const pid = readHolder(join(folder, "lock"))?.pid;
  return `the agent of ${folder}${pid === undefined ? "" : `, pid ${pid}`}, does not tell how it stands: ${reason}\n`;
}

function toText(agents: readonly AgentStatus[], troubles: readonly string[], place: string): string {
  const shown = agents.map((agent) => `${renderStatus(agent, Date.now()).join("\n")}\n`);
  if (shown.length === 0 && troubles.length === 0) {
    return `no agent runs with the state directory ${place}; --state-dir names another\n`;
  }
  return [...shown, ...troubles].join("\n");
}

/** Over what stood there, without the flicker of an empty screen, and no more than it holds. */
function toScreen(text: string, screen: { columns: number; rows: number }): string {
  const [columns, rows] = [screen.columns || 80, screen.rows || 24];
  const lines = text
    .trimEnd()
    .split("\n")
    .slice(0, Math.max(1, rows - 1));
  return `\u001b[H${lines.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join("")}\u001b[J`;
}
