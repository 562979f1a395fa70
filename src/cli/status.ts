import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askStatus } from "../agent/status-socket.ts";
import type { AgentStatus } from "../agent/status.ts";
import { coreName } from "../config/flags.ts";
import type { CoreConfig } from "../config/options.ts";
import { usualPlace } from "../state/directory.ts";
import { defineCommand } from "./command.ts";
import { renderStatus } from "./render-status.ts";

const answerMs = 2000;
const watchMs = 1000;

export default defineCommand({
  meta: { name: "status", description: "show how the agents on this host stand" },
  args: {
    json: { type: "boolean", description: "print JSON" },
    watch: { type: "boolean", description: "show it anew each second, until Ctrl-C" },
  },
  async run({ args, program }) {
    const core = program.config.of(coreName) as CoreConfig;
    const place = core["state-dir"] ?? usualPlace(process.env);
    const show = async (): Promise<boolean> => {
      const agents = await askAll(place);
      const text = args.json === true ? toJson(agents, args.watch === true) : toText(agents, place);
      // Over what stood there, without the flicker of an empty screen.
      const isLive = args.watch === true && args.json !== true && process.stdout.isTTY;
      process.stdout.write(isLive ? `\u001b[H${text.replaceAll("\n", "\u001b[K\n")}\u001b[J` : text);
      return agents.length > 0;
    };
    if (args.watch !== true) {
      if (!(await show())) process.exitCode = 1;
      return;
    }
    if (process.stdout.isTTY && args.json !== true) process.stdout.write("\u001b[2J");
    for (;;) {
      await show();
      await sleep(watchMs);
    }
  },
});

/** Every agent that works below this state directory. */
async function askAll(place: string): Promise<AgentStatus[]> {
  const answers = await Promise.all(
    foldersIn(join(place, "agents")).map((folder) => askStatus(folder, answerMs)),
  );
  return answers.filter((answer) => answer !== undefined);
}

function foldersIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .toSorted()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function toJson(agents: readonly AgentStatus[], isStream: boolean): string {
  return `${isStream ? JSON.stringify(agents) : JSON.stringify(agents, null, 2)}\n`;
}

function toText(agents: readonly AgentStatus[], place: string): string {
  if (agents.length === 0) return `no agent runs with the state directory ${place}\n`;
  return agents.map((agent) => `${renderStatus(agent, Date.now()).join("\n")}\n`).join("\n");
}
