import { openScreen, type Screen, type ScreenOptions } from "./screen.ts";

/** The screen from a moment on. */
export interface Frame {
  /** Milliseconds since the first frame. */
  readonly atMs: number;
  readonly lines: readonly string[];
}

export interface RecordingOptions extends ScreenOptions {
  /** Acts on the running program. Default: waits until it has ended. */
  act?(screen: Screen): Promise<void>;
}

/** Records the screen of a program until it has ended. */
export async function record({ act, ...options }: RecordingOptions): Promise<Frame[]> {
  await using screen = await openScreen(options);
  const frames: Frame[] = [];
  const startedAt = performance.now();
  const look = async (): Promise<void> => {
    const lines = await screen.read();
    if (lines.join("\n") !== frames.at(-1)?.lines.join("\n")) {
      frames.push({ atMs: performance.now() - startedAt, lines });
    }
  };
  const acting = act?.(screen);
  while (await screen.isRunning()) {
    await look();
    await Bun.sleep(lookMs);
  }
  await acting;
  await look();
  return shortenPauses(frames.filter(({ lines }) => lines.some((line) => line !== "")));
}

const lookMs = 120;
const longestPauseMs = 1500;

/** Nobody has to wait for what the program waits for. */
function shortenPauses(frames: readonly Frame[]): Frame[] {
  let atMs = 0;
  return frames.map(({ atMs: real, lines }, index) => {
    if (index > 0) atMs += Math.min(real - frames[index - 1]!.atMs, longestPauseMs);
    return { atMs, lines };
  });
}
