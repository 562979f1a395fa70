import { writeSync } from "node:fs";
import { onSignals } from "../signals.ts";
import { createPaint } from "./colour.ts";
import { cutLine, hasColour, readSize } from "./terminal.ts";

/** A line of a full screen. */
export interface ScreenLine {
  readonly text: string;
  /** Whether the line is marked and bold. */
  readonly isMarked: boolean;
}

/** The terminal's alternate screen. Disposal, and the end of the process, restore the terminal. */
export interface FullScreen extends Disposable {
  /** Aborts when the user closes the screen: with `"key"` after q, with `"interrupt"` after Ctrl-C and signals. */
  readonly closed: AbortSignal;
  /** Shows printable lines, cut to the size of the screen, and `footer` below them. Repeated after a resize. */
  draw(lines: readonly ScreenLine[], footer: string): void;
}

const enter = "\x1b[?1049h\x1b[?25l";
const leave = "\x1b[?25h\x1b[?1049l";

export function openFullScreen(stdout: NodeJS.WriteStream, stdin: NodeJS.ReadStream): FullScreen {
  const controller = new AbortController();
  const paint = createPaint(hasColour(true));
  let repeat = () => {};
  const onResize = () => repeat();
  const onKey = (keys: Buffer) => {
    if (keys.includes(ctrlC)) controller.abort("interrupt");
    else if (/q/i.test(keys.toString())) controller.abort("key");
  };
  const onExit = () => {
    try {
      writeSync(1, leave);
      if (stdin.isTTY) stdin.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
  };
  const onLost = () => controller.abort("interrupt");
  const cleanup = new DisposableStack();
  process.on("exit", onExit);
  cleanup.defer(() => process.off("exit", onExit));
  cleanup.use(onSignals(onLost));
  stdout.on("resize", onResize);
  cleanup.defer(() => stdout.off("resize", onResize));
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on("data", onKey);
    // A terminal that hangs up fails to be read, also after the screen was closed.
    stdin.on("error", onLost);
    stdin.resume();
    cleanup.defer(() => {
      stdin.off("data", onKey);
      stdin.pause();
      stdin.setRawMode(false);
    });
  }
  stdout.write(enter);
  cleanup.defer(() => void stdout.write(leave));

  return {
    closed: controller.signal,
    draw(lines, footer) {
      repeat = () => void stdout.write(toScreen(lines, { footer, paint, size: readSize(stdout) }));
      repeat();
    },
    [Symbol.dispose]: () => cleanup.dispose(),
  };
}

const ctrlC = 0x03;

interface ScreenOptions {
  readonly footer: string;
  readonly paint: ReturnType<typeof createPaint>;
  readonly size: ReturnType<typeof readSize>;
}

/** Overwrites the screen without clearing it first, which would flicker. The last row is the footer. */
function toScreen(lines: readonly ScreenLine[], { footer, paint, size }: ScreenOptions): string {
  const { columns, rows } = size;
  const room = Math.max(0, rows - 1);
  const isCut = lines.length > room;
  const shown = isCut ? lines.slice(0, Math.max(0, room - 1)) : lines;
  const texts = [
    ...shown.map(({ text, isMarked }) => {
      const line = cutLine(`${isMarked ? "* " : "  "}${text}`, columns);
      return isMarked ? paint("1", line) : line;
    }),
    ...(isCut && room > 0
      ? [paint("2", cutLine(`  … ${lines.length - shown.length} more lines`, columns))]
      : []),
    paint("2", cutLine(`  ${footer}`, columns)),
  ];
  return `\x1b[H${texts.map((text) => `${text}\x1b[K`).join("\r\n")}\x1b[J`;
}
