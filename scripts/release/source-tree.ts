// The source tree from which a release is built.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { findCommit } from "../build.ts";
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

/** Throws when another release is being built on this machine. */
export async function checkOut(checkout: string, version: string): Promise<SourceTree> {
  try {
    await mkdir(place, { mode: 0o700 });
  } catch {
    throw new Error(`"${place}" exists: another release is being built, or was interrupted; then remove it`);
  }
  const tree = path.join(place, "signalman");
  const dispose = () => rm(place, { recursive: true, force: true });
  try {
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

async function setVersion(file: string, version: string): Promise<void> {
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^( {2}"version": )".*"/m, `$1${JSON.stringify(version)}`));
}
