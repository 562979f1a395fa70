/** Holds the text of a block back until it is known whether the block is shown. */
export interface Fold {
  /** Holds text back from here on. */
  begin(): void;
  write(text: string): void;
  /** Writes the text that is held back. Returns whether there was any. */
  open(): boolean;
  /** Returns the last line that is held back and not empty, without the first text, which is the header. */
  lastLine(): string | undefined;
  /** Drops the text that is held back. Returns `false` when it was too long, and is shown already. */
  drop(): boolean;
}

/** Characters that are held back; a block with more is shown. */
const mostHeld = 4 * 2 ** 20;
/** Texts, and characters of each, in which the last line is searched. */
const lastTexts = 8;
const longestLine = 500;

export function createFold(write: (text: string) => void): Fold {
  let held: string[] | undefined;
  let length = 0;

  const open = () => {
    if (held === undefined) return false;
    write(held.join(""));
    held = undefined;
    return true;
  };
  return {
    begin() {
      open();
      held = [];
      length = 0;
    },
    write(text) {
      if (held === undefined) return write(text);
      held.push(text);
      length += text.length;
      if (length > mostHeld) open();
    },
    open,
    lastLine() {
      const texts = held?.slice(1).slice(-lastTexts) ?? [];
      const end = Bun.stripANSI(texts.map((text) => text.slice(-longestLine)).join(""));
      return end
        .split("\n")
        .findLast((line) => line.trim() !== "")
        ?.trim();
    },
    drop() {
      const wasHeld = held !== undefined;
      held = undefined;
      return wasHeld;
    },
  };
}
