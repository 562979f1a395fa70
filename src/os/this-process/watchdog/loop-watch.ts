import { closeSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toMessage } from "../../../core/errors.ts";
import type { LogFormat, Logger } from "../../../core/contracts/logger.ts";
import { openHostFile } from "../../file-trust/host-file.ts";
import { watchScript } from "./watch-script.ts";

export interface LoopWatchOptions {
  /** Milliseconds for which the event loop may be blocked. */
  readonly limitMs: number;
  /**
   * When a process with a blocked event loop is killed. `interrupted`: after the terminal's second Ctrl-C, or
   * when the terminal has closed.
   */
  readonly mode: "always" | "interrupted";
  /** Where the kill is reported, besides stderr. */
  readonly log?: { readonly path: string; readonly format: LogFormat };
  readonly logger: Logger;
}

/** A watcher outside the event loop, which kills this process when the loop is blocked. Disposal ends it. */
export interface LoopWatch extends Disposable {
  /**
   * Records that a listener of a plugin is called, so that the report can name it. Returns a function that
   * records its end.
   */
  enter(plugin: string, hook: string): () => void;
}

/** Starts a watcher. Where that fails, the process continues without one, and a warning is logged. */
export function startLoopWatch(options: LoopWatchOptions): LoopWatch {
  const { limitMs, logger } = options;
  const open = new Set<{ readonly text: string }>();
  using cleanup = new DisposableStack();
  let write: (beat: number) => void = () => {};
  let beat = 0;
  try {
    const page = createPage();
    cleanup.defer(() => closeSync(page.fd));
    write = (count) => page.write(`${count} ${toText(open)}\n`);
    write(beat);
    const watcher = spawnWatcher(options, page.fd);
    const timer = setInterval(() => write(++beat), limitMs / 8);
    timer.unref();
    cleanup.defer(() => {
      clearInterval(timer);
      watcher.kill("SIGKILL");
    });
  } catch (error) {
    logger.warn(`the watchdog could not be started: ${toMessage(error)}`);
  }
  const owned = cleanup.move();
  return {
    enter(plugin, hook) {
      const entry = { text: `plugin ${plugin} in ${hook}` };
      open.add(entry);
      write(beat);
      return () => {
        open.delete(entry);
        write(beat);
      };
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function toText(open: ReadonlySet<{ readonly text: string }>): string {
  const [last, ...others] = Array.from(open, ({ text }) => text).toReversed();
  if (last === undefined) return "no hook of a plugin was open";
  return others.length === 0 ? last : `${last}, and ${others.length} more`;
}

const pageBytes = 512;

/** A file in shared memory: a write needs no system call, and never waits for the watcher. */
function createPage(): { readonly fd: number; write(line: string): void } {
  const path = join(tmpdir(), `signalman-watch-${process.pid}-${Date.now()}`);
  writeFileSync(path, Buffer.alloc(pageBytes), { mode: 0o600, flag: "wx" });
  try {
    const bytes = Bun.mmap(path, { shared: true });
    const fd = openHostFile(path);
    return { fd, write: (line) => void bytes.set(Buffer.from(line).subarray(0, pageBytes)) };
  } finally {
    rmSync(path, { force: true });
  }
}

function spawnWatcher({ limitMs, mode, log }: LoopWatchOptions, fd: number): Bun.Subprocess {
  const words = [process.pid, limitMs / 4 / 1000, mode, log?.format ?? "plain", log?.path ?? ""].map(String);
  const watcher = Bun.spawn(["sh", "-c", watchScript, "signalman-watch", ...words, `${limitMs / 1000} s`], {
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    stdio: ["ignore", "ignore", "inherit", fd],
  });
  watcher.unref();
  return watcher;
}
