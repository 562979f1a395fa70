import { expect } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Runs `signalman` with these arguments, in the directory of the page. */
export type RunProgram = (args: string[]) => Promise<{ readonly stdout: string; readonly stderr: string }>;

/**
 * Does what a page says, from top to bottom: a block with `file=<name>` is written; of a `console` block each
 * line `$ signalman …` is run, and what stands below it must be in the output, whatever its spaces.
 */
export async function replayPage(page: string, directory: string, run: RunProgram): Promise<void> {
  for (const { info, text } of readBlocks(page)) {
    const file = /\bfile=(\S+)/.exec(info)?.[1];
    if (file !== undefined) await write(join(directory, file), text);
    else if (info === "console") await replay(text, run);
  }
}

function readBlocks(markdown: string): { info: string; text: string }[] {
  const fence = /^```(.*)\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(fence)].map(([, info = "", text = ""]) => ({ info, text }));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function replay(console: string, run: RunProgram): Promise<void> {
  const [, ...commands] = `\n${console}`.split("\n$ ");
  for (const block of commands) {
    const [command = "", ...expected] = block.split("\n").filter((line) => line !== "");
    const [program, ...args] = command.split(" ");
    expect(program).toBe("signalman");
    const { stdout, stderr } = await run(args);
    const shown = squeeze(`${stdout}\n${stderr}`);
    for (const line of expected) expect(shown, command).toContain(squeeze(line));
  }
}

/** The leading space prevents a match of `0 fail` in `10 fail`. */
function squeeze(text: string): string {
  return ` ${text.replaceAll(/\s+/g, " ").trim()}`;
}
