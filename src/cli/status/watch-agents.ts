import { stderr, stdout } from "../../os/this-process/output.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "../../core/aborted.ts";
import { openFullScreen } from "../output/full-screen.ts";
import { print, printJson } from "../output/print.ts";
import { isInteractive } from "../output/terminal.ts";
import { askAgents, type FolderAnswer, toProblem } from "./agent-answers.ts";
import { createStatusHistory } from "./status-history.ts";

export interface WatchAgentsOptions {
  /** The state directory. */
  readonly place: string;
  readonly intervalMs: number;
  readonly isJson: boolean;
}

/**
 * Shows the status of all agents until the user or the reader of the output ends it: redrawn on a terminal,
 * printed after each change elsewhere, or printed at each look as JSON. Sets the exit status.
 */
export async function watchAgents(options: WatchAgentsOptions): Promise<void> {
  const output = stdout();
  if (isInteractive(output) && !options.isJson) return watchOnScreen(options);
  const closed = new AbortController();
  output.once("error", () => closed.abort());
  const history = createStatusHistory(options.place);
  await look(options, closed.signal, (answers) => {
    if (options.isJson) return printAnswers(answers);
    const { rows, isChanged } = history.add(answers, Date.now());
    if (isChanged) print(`${rows.map(({ text }) => text).join("\n")}\n`);
  });
}

async function watchOnScreen(options: WatchAgentsOptions): Promise<void> {
  const history = createStatusHistory(options.place);
  const lost = new AbortController();
  process.stdout.once("error", () => lost.abort());
  using screen = openFullScreen(process.stdout, process.stdin);
  const footer = `every ${options.intervalMs / 1000} s; * marks changes; q quits`;
  await look(options, AbortSignal.any([screen.closed, lost.signal]), (answers) => {
    const { rows } = history.add(answers, Date.now());
    screen.draw(
      rows.map(({ text, isChanged }) => ({ text, isMarked: isChanged })),
      footer,
    );
  });
  if (screen.closed.reason === "interrupt") process.exitCode = 130;
}

async function look(
  { place, intervalMs }: WatchAgentsOptions,
  signal: AbortSignal,
  show: (answers: readonly FolderAnswer[]) => void,
): Promise<void> {
  while (!signal.aborted) {
    const answers = await untilAborted(signal, askAgents(place));
    if (answers === undefined) return;
    process.exitCode = answers.some(({ kind }) => kind === "status") ? 0 : 1;
    show(answers);
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
}

function printAnswers(answers: readonly FolderAnswer[]): void {
  printJson(answers.flatMap((one) => (one.kind === "status" ? [one.status] : [])));
  const problems = answers.flatMap((one) => (one.kind === "silent" ? [toProblem(one)] : []));
  if (problems.length > 0) print(problems.join("\n"), stderr());
}
