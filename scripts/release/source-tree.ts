// The source tree from which a release is built.

import { lstat, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findCommit } from "../build.ts";
import { type Lock, takeLock } from "../../src/os/state/lock.ts";
import { run } from "./run.ts";

/**
 * Packages bake their absolute path into the bundle, so that a release is built at one path, whatever the
 * directory of its checkout.
 */
const place = "/tmp/signalman-release";

/** A clean checkout of the commit of a working tree, with its dependencies. Disposal removes it. */
export interface SourceTree extends AsyncDisposable {
  readonly path: string;
  readonly commit: string;
  /** Time of the commit in seconds: the time of all files of the release. */
  readonly time: number;
}

/** Waits while another release is built on this machine. What an interrupted one left is removed. */
export async function checkOut(checkout: string, version: string): Promise<SourceTree> {
  const lock = await takePlace();
  const tree = path.join(place, "signalman");
  const dispose = async () => {
    await rm(place, { recursive: true, force: true });
    lock[Symbol.dispose]();
  };
  try {
    await rm(tree, { recursive: true, force: true });
    await mkdir(tree);
    const { commit, time } = findCommit(checkout);
    const archive = path.join(place, "source.tar");
    run(["git", "archive", "--format=tar", "--output", archive, commit], { cwd: checkout });
    run(["tar", "-xf", archive, "-C", tree]);
    await rm(archive);
    await setVersion(path.join(tree, "package.json"), version);
    run([process.execPath, "install", "--frozen-lockfile", "--ignore-scripts"], { cwd: tree });
    return { path: tree, commit, time, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function takePlace(until = performance.now() + waitMs): Promise<Lock> {
  await mkdir(place, { mode: 0o700, recursive: true });
  const entry = await lstat(place);
  if (!entry.isDirectory() || entry.uid !== process.getuid?.())
    throw new Error(`"${place}" belongs to another user: remove it`);
  const lock = takeLock(path.join(place, "lock"));
  if (lock?.isInPlace) return lock;
  // The holder before removed the directory between the opening and the lock.
  lock?.[Symbol.dispose]();
  if (performance.now() > until) throw new Error(`another release is being built for long, in "${place}"`);
  if (!lock) await sleep(500);
  return takePlace(until);
}

/** Milliseconds in which each release is built, also on a busy machine. */
const waitMs = 20 * 60_000;

async function setVersion(file: string, version: string): Promise<void> {
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^( {2}"version": )".*"/m, `$1${JSON.stringify(version)}`));
}
