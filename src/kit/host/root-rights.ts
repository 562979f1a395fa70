import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { JobUser } from "../../core/contracts/executor-options.ts";
import { readOutput } from "../../os/processes/program-output.ts";
import { readTable, toRows } from "../../os/users/account-tables.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A way in which a user of this host can become root. */
export interface RootRight {
  /** Continues a sentence about the user: `is in group "disk", …`. */
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Finds the rights of a job's user that amount to root's. Only for root, since `sudo` reports other users'
 * attempts to its administrator.
 */
export async function findRootRights(
  user: Pick<JobUser, "name" | "uid" | "groups">,
  options: { readonly env: Environment; readonly signal?: AbortSignal },
): Promise<RootRight[]> {
  const sockets = findEngineSockets(user, options.env);
  const groups = findGroups(user).filter(({ name }) => sockets.length === 0 || !engineGroups.has(name));
  return [
    ...sockets.map((path) => ({
      reason: `may write to the engine's socket "${path}"`,
      remedy: `take "${user.name}" out of the socket's group, or close the socket to other users`,
    })),
    ...groups.map(({ name, why }) => ({
      reason: `is in group "${name}", ${why}`,
      remedy: `gpasswd --delete ${user.name} ${name}`,
    })),
    ...((await hasFreeSudo(user.name, options)) ? [freeSudo] : []),
  ];
}

/** Finds the sockets of container engines of root to which a user may write. */
export function findEngineSockets(
  user: Pick<JobUser, "uid" | "groups">,
  { DOCKER_HOST: host = "" }: Environment,
): string[] {
  const named = host.startsWith("unix:///") ? [host.slice("unix://".length)] : [];
  return [...new Set([...named, ...engineSockets])].filter((path) => {
    const found = look(path);
    // The engine of an ordinary user gives no more than that user's rights.
    return found?.isSocket() && found.uid === 0 && mayWrite(path, user);
  });
}

const engineSockets = [
  "/run/docker.sock",
  "/run/podman/podman.sock",
  "/run/containerd/containerd.sock",
  "/run/crio/crio.sock",
  "/var/lib/lxd/unix.socket",
  "/var/snap/lxd/common/lxd/unix.socket",
  "/var/lib/incus/unix.socket",
];

const engineGroups: ReadonlySet<string> = new Set(["docker", "lxd", "incus-admin"]);

/** Groups by the names that distributions give them. */
const strongGroups: Readonly<Record<string, string>> = {
  docker: "which may use the Docker engine",
  lxd: "which may use the LXD engine",
  "incus-admin": "which may use the Incus engine",
  disk: "which may read and write every disk",
  kmem: "which may read the kernel's memory",
  shadow: "which may read the hashes of all passwords",
};

function findGroups({ groups }: Pick<JobUser, "groups">): { readonly name: string; readonly why: string }[] {
  const rows = toRows(readTable("group"));
  return groups.flatMap((gid) => {
    const name = rows.find((row) => Number(row[2]) === gid)?.[0] ?? String(gid);
    if (gid === 0) return [{ name, why: "which is root's" }];
    const why = Object.hasOwn(strongGroups, name) ? strongGroups[name] : undefined;
    return why === undefined ? [] : [{ name, why }];
  });
}

/** By owner and mode: the directories must let the user through. Access lists are not examined. */
function mayWrite(path: string, user: Pick<JobUser, "uid" | "groups">): boolean {
  if (!isPermitted(path, user, 0o2)) return false;
  for (let directory = dirname(path); directory !== "/"; directory = dirname(directory))
    if (!isPermitted(directory, user, 0o1)) return false;
  return true;
}

function isPermitted(path: string, { uid, groups }: Pick<JobUser, "uid" | "groups">, bit: number): boolean {
  const found = look(path);
  if (found === undefined) return false;
  const shift = found.uid === uid ? 6 : groups.includes(found.gid) ? 3 : 0;
  return (found.mode & (bit << shift)) !== 0;
}

function look(path: string) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

const freeSudo: RootRight = {
  reason: "may do everything as root with sudo, without a password",
  remedy: "limit the user's entry in sudoers to the commands that jobs need",
};

const sudoMs = 5000;
const maxRulesBytes = 1024 * 1024;

/** Whether sudo lets a user execute any command as root without a password. */
async function hasFreeSudo(
  name: string,
  { env, signal }: { readonly env: Environment; readonly signal?: AbortSignal },
): Promise<boolean> {
  try {
    const sudo = Bun.spawn(["sudo", "-n", "-l", "-U", name], {
      env: { PATH: env["PATH"], LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
      signal: AbortSignal.any([AbortSignal.timeout(sudoMs), ...(signal ? [signal] : [])]),
      killSignal: "SIGKILL",
    });
    return freeEntry.test((await readOutput(sudo.stdout, maxRulesBytes)).text);
  } catch {
    return false;
  }
}

/** `(ALL : ALL) NOPASSWD: ALL` */
const freeEntry = /^ *\((?=[^:)\n]*\b(?:ALL|root)\b)[^)\n]*\) .*\bNOPASSWD:(?:[^\n]*[, ])? *ALL *(?:,|$)/m;
