import type { JobEvent } from "signalman";
import { toPlain } from "./styles.ts";

/** A command of a log: the row with its directive, and the rows after it up to the next command. */
export interface Command {
  readonly row: number;
  readonly directive: string;
  /** Unix seconds. */
  readonly startedAt: number;
  finishedAt?: number;
  exitCode?: number;
}

/** The outline of a log. */
export interface Outline {
  /** In their order; a log may have more than are kept. */
  readonly commands: readonly Command[];
  /** Number of all commands. */
  readonly count: number;
  readonly result?: string | undefined;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  apply(event: JobEvent, row: number): void;
}

/** A job can write events into its own log. */
const mostCommands = 5000;

export function createOutline(): Outline {
  const commands: Command[] = [];
  let open: Command | undefined;
  const outline: { -readonly [K in keyof Outline]: Outline[K] } = {
    commands,
    count: 0,
    apply(event, row) {
      switch (event.event) {
        case "job_started":
          outline.startedAt = event.timestamp;
          return;
        case "cmd_started":
          open = { row, directive: toTitle(event.directive), startedAt: event.timestamp };
          outline.count += 1;
          if (commands.length < mostCommands) commands.push(open);
          return;
        case "cmd_finished":
          if (open) Object.assign(open, { finishedAt: event.timestamp, exitCode: event.exit_code });
          open = undefined;
          return;
        case "job_finished":
          outline.result = toPlain(event.result).slice(0, 20);
          outline.finishedAt = event.timestamp;
      }
    },
  };
  return outline;
}

function toTitle(directive: string): string {
  const [first = "", ...rest] = directive.slice(0, 400).trim().split("\n");
  return toPlain(rest.length > 0 || first.length > 200 ? `${first.slice(0, 199)}…` : first);
}
