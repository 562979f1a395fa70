import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Check, type CoreConfig, coreName, findJobUsers, type Finding, toMessage } from "signalman";
import type { JobUser } from "signalman/terminal";

/** Checks the users as which jobs run, and what one job can leave for the next. */
export const jobUser: Check = {
  run({ config }) {
    const core = config.of(coreName) as CoreConfig | undefined;
    try {
      const users = core && findJobUsers(core, core.slots);
      return users === undefined ? findRoot() : users.flatMap(checkUser);
    } catch (error) {
      const remedy = "correct shell-user; docs/security.md describes what it needs";
      return [{ level: "error", title: toMessage(error), remedy }];
    }
  },
};

function findRoot(): Finding[] {
  if (process.getuid?.() !== 0) return [];
  return [
    {
      level: "warning",
      title:
        "jobs run as root: they can read the agent's token and state, and change everything on this host",
      remedy: 'set shell-user to an ordinary user, such as "ci", or "ci-{slot}" with several slots',
    },
  ];
}

function checkUser(user: JobUser): Finding[] {
  const { name, uid, home } = user;
  const fault = findHomeFault(user);
  if (fault !== undefined) {
    const remedy = `mkdir -p ${home} && chown ${name}: ${home} && chmod 700 ${home}`;
    return [{ level: "error", title: `the home of the jobs' user "${name}" ${fault}`, remedy }];
  }
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

function findHomeFault({ home, uid }: JobUser): string | undefined {
  const found = statSync(home, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return `"${home}" is not a directory`;
  return found.uid === uid ? undefined : `"${home}" belongs to another user (${found.uid})`;
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
