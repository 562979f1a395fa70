import { jobAnswersVariable, jobSocketVariable } from "../../job/commands/messages.ts";
import { print, toTerminalText } from "../output/print.ts";
import { isInteractive } from "../output/terminal.ts";

/**
 * Prints a page. One that is longer than the terminal is shown by `$PAGER`, or else by `less`; not in a job,
 * whose terminal has no reader.
 */
export async function showPage(lines: readonly string[]): Promise<void> {
  const pager = process.env["PAGER"] ?? (Bun.which("less") === null ? "" : "less");
  const { stdin, stdout } = process;
  // A terminal without a size has no pages.
  const { rows } = stdout;
  const isRead = isInteractive(stdout) && stdin.isTTY && rows > 0;
  const isPaged = isRead && lines.length >= rows && pager !== "" && pager !== "cat";
  const isInJob = [jobSocketVariable, jobAnswersVariable].some((name) => process.env[name] !== undefined);
  if (!isPaged || isInJob || !(await showIn(pager, `${lines.join("\n")}\n`))) print(lines.join("\n"));
}

/** Returns whether the program showed the text. */
async function showIn(pager: string, text: string): Promise<boolean> {
  // Ctrl-C belongs to the pager.
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  try {
    const child = Bun.spawn(["sh", "-c", pager], {
      env: { LESS: "FRX", ...process.env },
      stdin: Buffer.from(toTerminalText(text)),
      stdout: "inherit",
      stderr: "inherit",
    });
    const status = await child.exited;
    return status !== 126 && status !== 127;
  } catch {
    return false;
  } finally {
    process.off("SIGINT", ignore);
  }
}
