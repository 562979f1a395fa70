import { readFileSync } from "node:fs";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeSharedDirectory } from "../../test/shared-directory.ts";
import { binary, type Tester } from "./fixtures.ts";
import { mountNamespace } from "./isolation.ts";
import { firstUid } from "./job-user.ts";

/** Users `ci-1` and `ci-2` of this host, which only the programs that `program` starts see. */
export interface HostUsers {
  /** Command that starts the binary. */
  readonly program: readonly string[];
  readonly homes: readonly string[];
  /** A directory in which every user may write. */
  readonly shared: string;
}

export interface HostUsersOptions {
  /** Mode of the homes. Default: 0700. */
  readonly mode?: number;
  /** Groups of which `ci-1` is a member. */
  readonly groups?: readonly string[];
  /** The whole of `/etc/sudoers`. */
  readonly sudoers?: string;
}

export async function createHostUsers(tester: Tester, options: HostUsersOptions = {}): Promise<HostUsers> {
  const { mode = 0o700, groups = [], sudoers = "" } = options;
  const place = path.dirname(tester.home);
  await chmod(place, 0o755);
  const users = [1, 2].map((slot) => ({
    name: `ci-${slot}`,
    uid: firstUid - 1 + slot,
    home: path.join(place, `ci-${slot}`),
  }));
  for (const { uid, home } of users) {
    await mkdir(home);
    await chown(home, uid, uid);
    await chmod(home, mode);
  }
  const shared = path.join(place, "shared");
  makeSharedDirectory(shared);
  const accounts = users.map(({ name, uid, home }) => `${name}:x:${uid}:${uid}::${home}:/bin/bash\n`);
  const own = users.map(({ name, uid }) => `${name}:x:${uid}:\n`);
  const files = {
    passwd: readFileSync("/etc/passwd", "utf8") + accounts.join(""),
    group: addMember(readFileSync("/etc/group", "utf8"), groups) + own.join(""),
    sudoers,
  };
  const mounts: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    if (text === "") continue;
    const file = path.join(place, name);
    await writeFile(file, text);
    await chmod(file, name === "sudoers" ? 0o440 : 0o644);
    mounts.push(`mount --bind ${file} /etc/${name}`);
  }
  return {
    program: [...mountNamespace, "sh", "-c", `${mounts.join(" && ")} && exec "$@"`, "sh", binary],
    homes: users.map(({ home }) => home),
    shared,
  };
}

/** Makes `ci-1` a member of these groups, and creates those that are missing. */
function addMember(text: string, groups: readonly string[]): string {
  const rows = text.trimEnd().split("\n");
  for (const [index, group] of groups.entries()) {
    const at = rows.findIndex((row) => row.startsWith(`${group}:`));
    if (at < 0) rows.push(`${group}:x:${64_300 + index}:ci-1`);
    else rows[at] += rows[at]!.endsWith(":") ? "ci-1" : ",ci-1";
  }
  return `${rows.join("\n")}\n`;
}
