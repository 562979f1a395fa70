import { stderr } from "../../os/this-process/output.ts";
import { readCore } from "../../agent/options/read-core.ts";
import { AgentError } from "../../core/errors.ts";
import { findStateDirectory } from "../../os/state/directory.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { toPrintable } from "../../core/text/printable.ts";
import { print, printJson } from "../output/print.ts";
import { askAgents, type FolderAnswer, renderAgent, toNoAgents, toProblem } from "../status/agent-answers.ts";

export default defineCommand({
  meta: { name: "status", description: "show the status of the agents on this host" },
  group: "operate",
  examples: [
    { line: "signalman status", purpose: "show the agents on this host" },
    { line: "signalman status --watch", purpose: "show what changes, until q" },
    { line: "signalman status --json", purpose: "print it for a script" },
  ],
  listedOptions: ["config-file", "config-env", "state-dir"],
  configurationPlace: "host",
  log: "stderr",
  args: {
    seconds: {
      type: "positional",
      description: "with --watch: time between two looks, from 0.2 to 3600 seconds (default: 1)",
      required: false,
    },
    json: { type: "boolean", description: "print JSON; with --watch at each look" },
    watch: {
      type: "boolean",
      description: "show changes until q or Ctrl-C; in a pipe, print the status after each change",
    },
  },
  async run({ args, program }) {
    const core = readCore(program);
    const place = findStateDirectory({ directory: core["state-dir"], env: process.env });
    const isJson = args.json === true;
    const intervalMs = toInterval(args.seconds, args.watch === true);
    if (args.watch !== true) return show(await askAgents(place), place, isJson);
    const { watchAgents } = await import("../status/watch-agents.ts");
    await watchAgents({ place, intervalMs, isJson });
  },
});

function show(answers: readonly FolderAnswer[], place: string, isJson: boolean): void {
  const agents = answers.flatMap((one) => (one.kind === "status" ? [one.status] : []));
  const problems = answers.flatMap((one) => (one.kind === "silent" ? [toProblem(one)] : []));
  process.exitCode = agents.length > 0 ? 0 : 1;
  if (isJson) {
    printJson(agents, 2);
    if (problems.length > 0) print(problems.join("\n"), stderr());
    return;
  }
  const now = Date.now();
  const blocks = agents.map((agent) =>
    renderAgent(agent, now)
      .map(({ text }) => text)
      .join("\n"),
  );
  const shown = [...blocks, ...problems];
  print(shown.length === 0 ? toNoAgents(place) : toPrintable(shown.join("\n\n")));
}

/** Returns the milliseconds between two looks. Throws `USAGE_INVALID`. */
function toInterval(text: string | undefined, isWatch: boolean): number {
  if (text === undefined) return 1000;
  if (!isWatch)
    throw new AgentError("USAGE_INVALID", `"${text}" needs --watch: it is the time between two looks`);
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 0.2 && seconds <= 3600) return seconds * 1000;
  throw new AgentError(
    "USAGE_INVALID",
    `invalid interval "${text}": expected seconds from 0.2 to 3600, as in --watch 5`,
  );
}
