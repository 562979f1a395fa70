import { toLine } from "../../core/text/printable.ts";
import type { Paint } from "../output/colour.ts";
import { formatTable } from "../output/columns.ts";
import { cutLine } from "../output/terminal.ts";

/** How a command of the job ended. */
export interface EndedCommand {
  readonly directive: string;
  /** Left out when the command did not finish. */
  readonly exitCode?: number;
  /** Formatted; left out when the command did not finish. */
  readonly duration?: string;
}

/** The commands of a job with their results, in order. */
export interface CommandTable {
  add(command: EndedCommand): void;
  /** Number of commands that were added. */
  count(): number;
  /** Returns the table's lines, each of at most `columns`. */
  render(columns: number): string[];
}

/** Rows that are kept: a job can write events into its own log. */
const mostRows = 500;
const longestDirective = 200;

export function createCommandTable(paint: Paint): CommandTable {
  const commands: EndedCommand[] = [];
  let count = 0;
  return {
    add(command) {
      count += 1;
      if (commands.length >= mostRows) return;
      commands.push({ ...command, directive: toLine(command.directive, longestDirective) });
    },
    count: () => count,
    render(columns) {
      const cells = commands.map(({ directive, exitCode, duration = "–" }) => [
        toResult(exitCode),
        duration,
        directive === "" ? "(empty command)" : directive,
      ]);
      const lines = formatTable([["result", "duration", "command"], ...alignRight(cells)]);
      const rest = count - commands.length;
      return [
        ...lines.map((line, index) => {
          const text = cutLine(line, columns);
          if (index === 0) return paint("2", text);
          return commands[index - 1]!.exitCode === 0 ? text : paint("31", text);
        }),
        ...(rest > 0 ? [paint("2", `… ${rest} more commands`)] : []),
      ];
    },
  };
}

function toResult(exitCode: number | undefined): string {
  if (exitCode === undefined) return "did not finish";
  return exitCode === 0 ? "passed" : `exit code ${exitCode}`;
}

/** Aligns the second column to the right. */
function alignRight(rows: readonly string[][]): string[][] {
  const width = Math.max("duration".length, ...rows.map(([, cell = ""]) => cell.length));
  return rows.map(([first = "", cell = "", ...rest]) => [first, cell.padStart(width), ...rest]);
}
