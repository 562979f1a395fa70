import { chmod, chown, copyFile, link } from "node:fs/promises";
import path from "node:path";
import { binary, type Tester } from "./fixtures.ts";
import { firstUid, runsAsJobUser } from "./job-user.ts";

export const isRoot = process.getuid?.() === 0;
/** The end of the name of a test that only root can run. */
export const needsRoot = isRoot ? "" : " (skipped: needs root)";
/** The uid of `nobody`, which owns no files and is in no group. */
export const ordinaryUser = 65534;

/** The users that run the binary: the current one and, if that is root, an ordinary user as well. */
export const users = [
  { user: isRoot ? "root" : "an ordinary user", as: [] },
  ...(isRoot && !runsAsJobUser
    ? [{ user: "an ordinary user", as: ["setpriv", `--reuid=${ordinaryUser}`, "--clear-groups"] }]
    : []),
];

/** Returns the uid of the first slot's jobs when the binary runs as this user. */
export function jobUidOf(as: readonly string[]): number {
  if (runsAsJobUser) return firstUid;
  return as.length > 0 ? ordinaryUser : (process.getuid?.() ?? 0);
}

/** Makes the home writable for this user and returns the command that runs the binary. */
export async function programOf(tester: Tester, as: readonly string[]): Promise<string[]> {
  if (as.length === 0) return [binary];
  const reachable = path.join(path.dirname(tester.home), "signalman");
  await link(binary, reachable).catch(() => copyFile(binary, reachable));
  await chmod(path.dirname(tester.home), 0o755);
  await Promise.all([tester.home, tester.temporary].map((directory) => chown(directory, ordinaryUser, 0)));
  return [...as, reachable];
}

/** Shell commands that start processes in all ways that may escape a job. */
export function escapes(seconds: string): string {
  return [
    `sleep ${seconds} &`,
    `nohup sleep ${seconds} >/dev/null 2>&1 &`,
    `setsid sleep ${seconds} </dev/null >/dev/null 2>&1 &`,
    `(setsid sh -c '(sleep ${seconds} &) ; exit' >/dev/null 2>&1 &)`,
    `env -i setsid sleep ${seconds} >/dev/null 2>&1 & disown`,
    `(env -i setsid sh -c '(env -i setsid sh -c "sleep ${seconds}; :" >/dev/null 2>&1 &)' &)`,
    `(trap '' TERM HUP INT; setsid sh -c 'trap "" TERM HUP; sleep ${seconds}; :' >/dev/null 2>&1 &)`,
    "sleep 0.3",
  ].join("\n");
}
