import { toLine, toPrintable } from "../../core/text/printable.ts";
import type { CommandTable } from "./command-table.ts";
import type { Display } from "./display.ts";
import { type Moment, toDuration } from "./duration.ts";
import type { EscapeFilter } from "./escape-filter.ts";
import type { Fold } from "./fold.ts";
import type { Paint } from "../output/colour.ts";

/** A block whose command has not finished. */
export interface OpenBlock {
  readonly directive: string;
  /** When this process read its first event, in milliseconds of a monotonic clock. */
  readonly seenAt: number;
  /** Returns the last line of its output where it is folded, and so not on the screen. */
  lastLine?(): string | undefined;
}

/** The blocks of a job's log: a header, the command's output, and a footer with its exit code. */
export interface CommandBlocks {
  /** Writes the header of a command that starts at `seconds`. Abandons the block before it if that is still open. */
  open(directive: string, seconds: number): void;
  /** Writes the footer of the open block. */
  close(exitCode: number, seconds: number): void;
  /** Ends a block whose command did not finish, if one is open. The job page shows such a command as failed. */
  abandon(): void;
  /** The open block. */
  current(): OpenBlock | undefined;
  /** The first exit code other than 0, with its command. */
  firstFailure(): string | undefined;
}

export interface CommandBlocksOptions {
  readonly write: (text: string) => void;
  readonly paint: Paint;
  readonly now: () => number;
  readonly display: Display;
  readonly filter: EscapeFilter;
  /** Receives each command at its end. Left out: no table is shown. */
  readonly table?: CommandTable | undefined;
  /** Holds back what `write` receives. Left out: no block is folded. */
  readonly fold?: Fold | undefined;
}

/** Lines of a directive that are shown after the first one. */
const headerLines = 20;

export function createCommandBlocks(options: CommandBlocksOptions): CommandBlocks {
  const { write, paint, now, display, filter, table, fold } = options;
  let command: (Moment & { readonly directive: string }) | undefined;
  let failure: string | undefined;

  const endOutput = () => {
    filter.reset();
    display.close();
  };
  const abandon = () => {
    endOutput();
    fold?.open();
    if (command !== undefined) {
      write(`${paint("1;31", "✗ did not finish")}\n`);
      table?.add({ directive: command.directive });
    }
    command = undefined;
  };

  return {
    open(directive, seconds) {
      abandon();
      command = { directive, seconds, seenAt: now() };
      fold?.begin();
      write(toHeader(directive, paint));
    },
    close(exitCode, seconds) {
      endOutput();
      const duration = command === undefined ? "" : toDuration(command, { seconds, seenAt: now() });
      if (command !== undefined) table?.add({ directive: command.directive, exitCode, duration });
      if (exitCode === 0) {
        const folded = fold?.drop() ? command : undefined;
        if (folded === undefined) write(`${paint("2", `✓ ${duration}`)}\n`);
        else write(`${paint("2", "✓")} ${toName(folded.directive)}  ${paint("2", duration)}\n`);
      } else {
        fold?.open();
        write(`${paint("1;31", `✗ exit code ${exitCode}`)}${paint("2", `, ${duration}`)}\n`);
        failure ??= `exit code ${exitCode} from "${toLine(command?.directive ?? "", 60)}"`;
      }
      command = undefined;
    },
    abandon,
    current: () => command && { ...command, ...(fold && { lastLine: fold.lastLine }) },
    firstFailure: () => failure,
  };
}

function toName(directive: string): string {
  return toLine(directive, 60) || "(empty command)";
}

function toHeader(directive: string, paint: Paint): string {
  const [first = "", ...rest] = toPrintable(directive.replaceAll("\r\n", "\n").trimEnd()).split("\n");
  const more = rest.length - headerLines;
  const lines = [
    `▸ ${paint("1", first === "" ? "(empty command)" : first)}`,
    ...rest.slice(0, headerLines).map((line) => `  ${paint("1", line)}`),
    ...(more > 0 ? [`  ${paint("2", `… ${more} more lines`)}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
