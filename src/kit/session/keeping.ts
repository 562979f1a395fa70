import type { Output } from "../../core/contracts/job-log.ts";
import type { LineKind, SessionBase, SessionJournal } from "../../core/contracts/session-journal.ts";
import type { LeftSession } from "./left-session.ts";
import type { MarkerScanner } from "./markers.ts";
import { replayLines } from "./replay.ts";
import type { ShellState } from "./shell-state.ts";
import type { ParkedStreams } from "./shell-text.ts";
import type { Terminal } from "./terminal.ts";

/** How a session is kept, so that another process of its job can continue it. */
export interface KeepingOptions {
  readonly journal: SessionJournal;
  /** What finds the session again, as JSON. */
  readonly handle: unknown;
  /** The session that an earlier process has opened. Left out: it is opened now. */
  readonly left?: LeftSession | undefined;
  /** Bytes of output for which the session's host has space while no checkpoint is possible. Default: 512 MiB. */
  readonly maxKeptBytes?: number | undefined;
}

/** Writes the journal of a session, and follows what an earlier process has begun in it. */
export interface Keeping {
  /** Whether an earlier process has typed lines that the output has not passed yet. */
  readonly isLeft: boolean;
  /**
   * Waits for the lines of the earlier process. With `output`, its last command is followed and its exit code
   * returned, if that command had not ended; 1 when the job is being stopped and it was not typed.
   */
  follow(output: Output | undefined): Promise<number | undefined>;
  /** A line is about to be typed. */
  typing(line: number, kind: LineKind | "recovery", path: string): void;
  /** Output was read. */
  read(): void;
}

/** Output after which a checkpoint is tried. */
const checkpointBytes = 1024 * 1024;

export function createKeeping(
  { journal, handle, left, maxKeptBytes = 512 * 1024 * 1024 }: KeepingOptions,
  { state, scanner, terminal }: { state: ShellState; scanner: () => MarkerScanner; terminal: () => Terminal },
): Keeping {
  let base: SessionBase | undefined = left?.base;
  let keptAt = base?.offset ?? 0;
  let triedAt = left?.checkpoint?.offset ?? base?.offset ?? 0;
  const replay = left && replayLines(state, left);
  let isLeft = left !== undefined;
  for (const { line, kind } of left?.untyped ?? []) journal.write({ is: "untyped", line, kind });

  const typing: Keeping["typing"] = (line, kind, path) => {
    const { steps } = terminal();
    if (!base || !steps) return;
    journal.write({ is: "typed", line, kind, path, step: steps.next(), base });
    keep(base.offset);
  };
  const keep = (offset: number) => {
    keptAt = offset;
    terminal().steps?.keep(offset);
  };
  state.onRecovery = (line) => typing(line, "recovery", "");
  state.onBase = (line, streams: ParkedStreams) => {
    const { holder, nonce } = state;
    base = { line, offset: scanner().position, streams };
    triedAt = base.offset;
    if (line === 0) journal.write({ is: "opened", handle, holder, nonce, base });
  };

  return {
    get isLeft() {
      return isLeft;
    },
    async follow(output) {
      isLeft = false;
      const attached = output && replay?.attach(output);
      terminal().steps?.begin();
      if (attached) {
        journal.attached();
        return attached;
      }
      if (output) journal.attached();
      if (output && journal.isStopping) return 1;
      await replay?.drained;
      return undefined;
    },
    typing,
    read() {
      const { running, streams, noise } = state;
      const { position } = scanner();
      if (position - triedAt < checkpointBytes) return;
      if (position - keptAt > maxKeptBytes) {
        journal.write({
          is: "unresumable",
          reason: `a command has written ${maxKeptBytes} bytes that end nowhere`,
        });
        keep(position);
      }
      if (!running?.started || running.silent || !streams) return;
      if (!noise.isIdle || scanner().isHolding) return;
      triedAt = position;
      if (journal.passed(running.line, position, streams)) keep(position);
    },
  };
}
