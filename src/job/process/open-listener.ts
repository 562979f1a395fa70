import { closeSync, ftruncateSync, futimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { HookName } from "../../core/contracts/hooks.ts";
import { findEntry, openStateFile, readStateText } from "../../os/state/file.ts";
import { jobFiles } from "../state/job-files.ts";

/**
 * The listener that a job's process is calling, recorded on disk: a listener that blocks the event loop also
 * blocks messages.
 */
export interface OpenListener extends HangingHook {
  /** Whether the event loop of the process has been blocked for 4 s or longer. */
  readonly isBlocked: boolean;
}

const beatMs = 1000;
const blockedMs = 4000;

/**
 * Returns a function that records a listener of a plugin for which `isRecorded` returns true. That function
 * returns another one, to call when the listener returns.
 */
export function recordListeners(
  directory: string,
  isRecorded: (plugin: string) => boolean,
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
    if (!isRecorded(plugin)) return () => {};
    const entry = { plugin, hook, startedAt: Date.now() };
    open.add(entry);
    write();
    return () => {
      open.delete(entry);
      write();
    };
  };
}

/** Reads the record. Returns `undefined` when no listener is open. */
export function readOpenListener(directory: string): OpenListener | undefined {
  const path = join(directory, jobFiles.listener);
  return quietly(() => {
    const text = readStateText(path, maxBytes);
    const changedAt = findEntry(path)?.mtimeMs;
    if (text === "" || changedAt === undefined) return undefined;
    const { plugin, hook, startedAt } = JSON.parse(text) as Partial<Record<keyof HangingHook, unknown>>;
    if (typeof plugin !== "string" || typeof hook !== "string" || typeof startedAt !== "number")
      return undefined;
    return { plugin, hook, startedAt, isBlocked: Date.now() - changedAt > blockedMs };
  });
}

/** Enough for the names of a plugin and of a hook. */
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

/** Ignores errors: the record only improves a log message, and a full disk must not fail the job. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
