import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * Uid of the first slot's jobs; those of the next slots follow. No account has them, nor has another lane of
 * the tests.
 */
export const firstUid = 64_201 + 100 * Number(process.env["E2E_LANE"] ?? 0);

/** Whether this run of the tests starts every job as another user (`shell-user`). Needs root. */
export const runsAsJobUser = process.env["E2E_SHELL_USER"] === "yes";

/**
 * Lets jobs run as users `ci-1`, `ci-2`, … with the tester's home, and returns the variables for it. A
 * `getent` in PATH knows these users, as a directory service would.
 */
export async function setUpJobUsers(
  place: string,
  home: string,
  temporary: string,
): Promise<Record<string, string>> {
  const bin = path.join(place, "bin");
  await mkdir(bin);
  await writeFile(
    path.join(bin, "getent"),
    `#!/bin/sh\ncase $1:$2 in passwd:ci-*) n=\${2#ci-}; echo "$2:x:$((${firstUid - 1} + n)):$((${firstUid - 1} + n))::${home}:/bin/bash" ;; *) exit 2 ;; esac\n`,
  );
  await chmod(path.join(bin, "getent"), 0o755);
  await chmod(place, 0o755);
  for (const directory of [home, temporary]) await chmod(directory, 0o1777);
  return {
    PATH: `${bin}:${process.env["PATH"]}`,
    SEMAPHORE_AGENT_SHELL_USER: "ci-{slot}",
    SEMAPHORE_AGENT_END_USER_PROCESSES: "false",
  };
}
