import { closeSync, ftruncateSync, futimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { HookName } from "../../core/contracts/hooks.ts";
import { findEntry, openStateFile, readStateText } from "../../os/state/file.ts";
import { jobFiles } from "../state/job-files.ts";

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
    quietly(() => replaceText(path, last ? JSON.stringify(last) : ""));
    clearInterval(timer);
    if (!last) return;
    timer = setInterval(() => quietly(() => touch(path)), beatMs);
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
    const text = readStateText(path, maxBytes);
    const changedAt = findEntry(path)?.mtimeMs;
    if (text === "" || changedAt === undefined) return undefined;
    const { plugin, hook, startedAt } = JSON.parse(text) as Partial<Record<keyof HangingHook, unknown>>;
    if (typeof plugin !== "string" || typeof hook !== "string" || typeof startedAt !== "number")
      return undefined;
    return { plugin, hook, startedAt, isStill: Date.now() - changedAt > stillMs };
  });
}

/** Names of a plugin and of a hook. */
const maxBytes = 4096;

function replaceText(path: string, text: string): void {
  withFile(path, (fd) => {
    ftruncateSync(fd);
    writeSync(fd, text, 0);
  });
}

function touch(path: string): void {
  withFile(path, (fd) => futimesSync(fd, new Date(), new Date()));
}

function withFile(path: string, work: (fd: number) => void): void {
  const fd = openStateFile(path, "lock");
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}

/** The note is a help for the reader of a log: a full disk must not fail the job. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
