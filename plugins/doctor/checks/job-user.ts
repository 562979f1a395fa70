import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Check, type CheckContext, type Finding, toMessage } from "signalman";
import { findCore, findEngineSockets, findHomeFault, findJobUsers, findRootRights } from "signalman/host";
import type { JobUser } from "signalman/executor";

/** Checks the users as which jobs run, and what one job can leave for the next. */
export const jobUser: Check = {
  async run({ config, env, signal }) {
    const core = findCore(config);
    try {
      const users = core && findJobUsers(core, core.slots);
      if (users === undefined) return findOwnRights(env);
      return (await Promise.all(users.map((user) => checkUser(user, { env, signal })))).flat();
    } catch (error) {
      const remedy = "correct shell-user; docs/security.md describes what it needs";
      return [{ level: "error", title: toMessage(error), remedy }];
    }
  },
};

/**
 * Finds the sockets of engines with which jobs that run as the agent's user, who is not root, could do what
 * root can.
 */
export function findOwnSockets(env: CheckContext["env"]): string[] {
  const uid = process.getuid?.() ?? 0;
  const groups = [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])];
  return uid === 0 ? [] : findEngineSockets({ uid, groups }, env);
}

export function toSocketTitle(path: string): string {
  return `jobs run as the agent's user, who may write to the engine's socket "${path}", and so can do what root can`;
}

function findOwnRights(env: CheckContext["env"]): Finding[] {
  if (process.getuid?.() !== 0)
    return findOwnSockets(env).map((path) => ({
      level: "warning",
      title: toSocketTitle(path),
      remedy:
        "let only trusted jobs run on this machine, or use an agent of root with shell-user, or a rootless engine",
    }));
  return [
    {
      level: "warning",
      title:
        "jobs run as root: they can read the agent's token and state, and change everything on this host",
      remedy: 'set shell-user to an ordinary user, such as "ci", or "ci-{slot}" with several slots',
    },
  ];
}

async function checkUser(user: JobUser, context: Pick<CheckContext, "env" | "signal">): Promise<Finding[]> {
  const { name, home } = user;
  const fault = findHomeFault(user);
  if (fault !== undefined) {
    const title = `the home "${home}" of the jobs' user "${name}" ${fault.reason}`;
    return [{ level: "error", title, remedy: fault.remedy }];
  }
  const rights = await findRootRights(user, context);
  return [
    ...findPlanted(user),
    ...rights.map(({ reason, remedy }): Finding => {
      const title = `the jobs' user "${name}" ${reason}, and so can do what root can`;
      return { level: "warning", title, remedy };
    }),
  ];
}

function findPlanted(user: JobUser): Finding[] {
  const { name, uid, home } = user;
  const planted = startupFiles.filter((file) => existsSync(join(home, file)));
  const files = planted.length === 0 ? "none of them exists" : `these exist: ${planted.join(", ")}`;
  return [
    {
      level: "ok",
      title: `jobs run as "${name}" (uid ${uid})`,
      detail: `a job can change the files with which the next job of this user starts; ${files}`,
    },
    ...findScheduled(user).map((path): Finding => {
      return {
        level: "warning",
        title: `"${path}" starts programs of the jobs' user "${name}" outside of jobs`,
        remedy: `remove it, unless you have put it there; /etc/cron.deny and /etc/at.deny refuse such programs to "${name}"`,
      };
    }),
  ];
}

/** Files of a home that run or decide what runs in a login shell, and in programs that jobs often call. */
const startupFiles = [
  ".bash_profile",
  ".bash_login",
  ".profile",
  ".bashrc",
  ".bash_logout",
  ".ssh/config",
  ".ssh/authorized_keys",
  ".gitconfig",
  ".config/git/config",
  ".npmrc",
  ".config/systemd/user",
];

/** What cron, at and systemd start for the user, as far as this process can see. */
function findScheduled({ name, uid }: JobUser): string[] {
  const tables = [
    `/var/spool/cron/crontabs/${name}`,
    `/var/spool/cron/${name}`,
    `/var/lib/systemd/linger/${name}`,
  ];
  const queues = ["/var/spool/cron/atjobs", "/var/spool/at"].flatMap((directory) =>
    listFiles(directory).filter((path) => statSync(path, { throwIfNoEntry: false })?.uid === uid),
  );
  return [...tables.filter((path) => existsSync(path)), ...queues];
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory).map((file) => join(directory, file));
  } catch {
    return [];
  }
}
