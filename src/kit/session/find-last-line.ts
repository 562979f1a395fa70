import type { SessionRecord, TypedRecord } from "../../core/contracts/session-journal.ts";
import { AgentError } from "../../core/errors.ts";
import { findOpened, findTyped } from "./left-session.ts";
import { createMarkerScanner, createNonce, type Marker, printMarker, formatMarker } from "./markers.ts";
import { nonceWord } from "./shell-text.ts";

/**
 * Finds out whether the shell of a session has received the last line that an earlier process was about to type,
 * where no supervisor counts the lines. The caller reads the terminal's output from `offset` on into `push`.
 */
export interface LastLine {
  readonly offset: number;
  push(bytes: Uint8Array): void;
  /**
   * Resolves to the number of the first step that the shell has not received, for `readLeftSession`. A line that it
   * has not received will do nothing if it arrives later.
   */
  findNextStep(place: LastLinePlace): Promise<number>;
}

/** What {@link LastLine} needs of the place where the session is. */
export interface LastLinePlace {
  /** Prints bytes to the terminal, behind what the shell has printed. */
  print(bytes: Uint8Array): Promise<unknown>;
  /** Replaces the content of the file that a line sources. */
  replace(path: string, text: string): Promise<unknown>;
  /** Resolves when the output can no longer be read. */
  readonly ended: Promise<unknown>;
}

/** A mark passes as fast as output does; a job that has stopped its terminal's output holds it back. */
const markMs = 30_000;
/** A shell that has begun a line opens its file at once. */
const openMs = 5000;

/** Returns `undefined` when no line was typed. */
export function watchLastLine(records: readonly SessionRecord[]): LastLine | undefined {
  const opened = findOpened(records);
  const last = findTyped(records).at(-1);
  if (!opened || !last) return undefined;
  const checkpoint = records.findLast((each) => each.is === "checkpoint" && each.line === last.line);
  const begun = Promise.withResolvers<"begun">();
  let hasBegun = checkpoint !== undefined && last.kind !== "recovery";
  if (hasBegun) begun.resolve("begun");
  const marks = new Map<string, () => void>();
  const scanner = createMarkerScanner({
    isOurs: (nonce) => nonce === opened.nonce,
    onOutput: () => {},
    onMarker(marker) {
      if (isOf(last, marker)) {
        hasBegun = true;
        begun.resolve("begun");
      }
      marks.get(marker.fields[0] ?? "")?.();
    },
  });

  /** Resolves when a mark that is printed now has passed. No session takes it for a marker of a line. */
  async function pass({ print, ended }: LastLinePlace): Promise<void> {
    const name = `mark-${createNonce()}`;
    const passed = Promise.withResolvers<void>();
    marks.set(name, passed.resolve);
    const fail = (why: string) => passed.reject(new AgentError("SESSION_FAILED", why));
    void ended.then(() => fail("the output of the job's shell can no longer be read"));
    const timer = setTimeout(() => fail(`the job's terminal prints nothing for ${markMs / 1000} s`), markMs);
    try {
      print(formatMarker({ nonce: opened!.nonce, kind: "P", fields: [name] })).catch(passed.reject);
      await passed.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async function isReceived(place: LastLinePlace): Promise<boolean> {
    if (hasBegun) return true;
    const passed = pass(place);
    // It may fail after the line was found.
    passed.catch(() => {});
    await Promise.race([begun.promise, passed]);
    if (hasBegun || last!.kind === "recovery") return hasBegun;
    const refused = `refused-${createNonce()}`;
    const isRefused = Promise.withResolvers<boolean>();
    marks.set(refused, () => isRefused.resolve(true));
    await place.replace(last!.path, `\\builtin ${printMarker(nonceWord, "P", [refused])} >/dev/tty\n`);
    await pass(place);
    if (!hasBegun) return false;
    // It arrived between the two marks. The shell has opened the file before or after it was replaced.
    const timer = setTimeout(() => isRefused.resolve(false), openMs);
    try {
      return !(await isRefused.promise);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    offset: checkpoint?.is === "checkpoint" ? checkpoint.offset : last.base.offset,
    push: (bytes) => scanner.push(bytes),
    findNextStep: async (place) => ((await isReceived(place)) ? last.step + 1 : last.step),
  };
}

/** Whether a marker is printed by a line when the shell executes it. */
function isOf({ line, kind }: TypedRecord, marker: Marker): boolean {
  return marker.kind === (kind === "recovery" ? "E" : "S") && Number(marker.fields[0]) === line;
}
