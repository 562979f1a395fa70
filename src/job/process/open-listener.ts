import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { HookName } from "../../core/contracts/hooks.ts";
import { jobFiles } from "./messages.ts";

/** The note of a job's process about the listener that it calls, for the case that the listener lets no timer and no message through. */
export interface OpenListener extends HangingHook {
  /** The event loop of the process has stood still for 4 s or longer. */
  readonly isStill: boolean;
}

const beatMs = 1000;
const stillMs = 4000;

/** Writes the note of the job's process. `isNoted` tells which plugins' listeners are noted. Returns what a host calls for each listener. */
export function noteListeners(
  directory: string,
  isNoted: (plugin: string) => boolean,
): (plugin: string, hook: HookName) => () => void {
  const path = join(directory, jobFiles.listener);
  const open = new Set<HangingHook>();
  let timer: NodeJS.Timeout | undefined;
  const write = () => {
    const last = [...open].at(-1);
    quietly(() => writeFileSync(path, last ? JSON.stringify(last) : ""));
    clearInterval(timer);
    if (!last) return;
    timer = setInterval(() => quietly(() => utimesSync(path, new Date(), new Date())), beatMs);
    timer.unref();
  };
  return (plugin, hook) => {
    if (!isNoted(plugin)) return () => {};
    const entry = { plugin, hook, startedAt: Date.now() };
    open.add(entry);
    write();
    return () => {
      open.delete(entry);
      write();
    };
  };
}

/** Reads the note. Returns `undefined` when no listener is open. */
export function readOpenListener(directory: string): OpenListener | undefined {
  const path = join(directory, jobFiles.listener);
  return quietly(() => {
    const text = readFileSync(path, "utf8");
    if (text === "") return undefined;
    const { plugin, hook, startedAt } = JSON.parse(text) as HangingHook;
    return { plugin, hook, startedAt, isStill: Date.now() - statSync(path).mtimeMs > stillMs };
  });
}

/** The note is a help for the reader of a log: a full disk must not fail the job. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
