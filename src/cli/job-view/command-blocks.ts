import { toLine, toPrintable } from "../../core/text/printable.ts";
import type { Display } from "./display.ts";
import { type Moment, toDuration } from "./duration.ts";
import type { EscapeFilter } from "./escape-filter.ts";
import type { Paint } from "../output/colour.ts";

/** The blocks of a job's log: a header, the command's output, and a footer with its exit code. */
export interface CommandBlocks {
  /** Writes the header of a command that starts at `seconds`. Abandons the block before it if that is still open. */
  open(directive: string, seconds: number): void;
  /** Writes the footer of the open block. */
  close(exitCode: number, seconds: number): void;
  /** Ends a block whose command did not finish, if one is open. The job page shows such a command as failed. */
  abandon(): void;
  /** The first exit code other than 0, with its command. */
  firstFailure(): string | undefined;
}

export interface CommandBlocksOptions {
  readonly write: (text: string) => void;
  readonly paint: Paint;
  readonly now: () => number;
  readonly display: Display;
  readonly filter: EscapeFilter;
}

/** Lines of a directive that are shown after the first one. */
const headerLines = 20;

export function createCommandBlocks(options: CommandBlocksOptions): CommandBlocks {
  const { write, paint, now, display, filter } = options;
  let command: (Moment & { readonly directive: string }) | undefined;
  let failure: string | undefined;

  const endOutput = () => {
    filter.reset();
    display.close();
  };
  const abandon = () => {
    endOutput();
    if (command !== undefined) write(`${paint("1;31", "✗ did not finish")}\n`);
    command = undefined;
  };

  return {
    open(directive, seconds) {
      abandon();
      command = { directive, seconds, seenAt: now() };
      write(toHeader(directive, paint));
    },
    close(exitCode, seconds) {
      endOutput();
      const duration = command === undefined ? "" : toDuration(command, { seconds, seenAt: now() });
      if (exitCode === 0) write(`${paint("2", `✓ ${duration}`)}\n`);
      else {
        write(`${paint("1;31", `✗ exit code ${exitCode}`)}${paint("2", `, ${duration}`)}\n`);
        failure ??= `exit code ${exitCode} from "${toLine(command?.directive ?? "", 60)}"`;
      }
      command = undefined;
    },
    abandon,
    firstFailure: () => failure,
  };
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
