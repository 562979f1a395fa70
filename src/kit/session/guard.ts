import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { toMessage } from "../../core/errors.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import type { Cookie } from "../../core/contracts/executor.ts";
import type { JobGroup } from "../../os/cgroup/job-group.ts";

/**
 * Ends a job whose process was killed (`kill -9`, out of memory). Otherwise the terminal would hang up, which
 * ends the running command, and the shell would continue with the next line of the script. The guard keeps
 * the terminal open. When the pipe to this process breaks, it kills the job's control group, if there is one,
 * suspends the shell, then kills all processes that have the job's cookie or share a session with one that
 * has. It starts beside the shell, whose pid it learns later. It is a shell script because it runs as long as
 * the job, and kills with builtins only because a job may have used up all processes of the user.
 */
const script = `
trap '' HUP INT QUIT TERM
read -r cookie || exit 0
read -r shell || shell=
case $shell in
leave) exit 0 ;;
?*) read -r leave && exit 0 ;;
esac
group=$1 uid=$2
# Whether a process has the uid of the job's user: the cookie of another user's process proves nothing.
owns() {
  [ -z "$uid" ] && return 0
  while read -r name value rest; do
    case $name in Uid:) [ "$value" = "$uid" ]; return ;; esac
  done 2>/dev/null <"/proc/$1/status"
  return 1
}
carries() {
  owns "$1" || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in *"$cookie"*) return 0 ;; esac
  done 2>/dev/null <"/proc/$1/environ"
  return 1
}
# Sets state and session.
look() { line=; read -r line 2>/dev/null <"/proc/$1/stat" || return 1; set -- \${line##*) }; state=$1 session=$4; }
shares() {
  owns "$1" && look "$1" && [ "$state" != Z ] || return 1
  case $sessions in *" $session "*) return 0 ;; esac
  return 1
}
signal() {
  found=
  for file in /proc/[0-9]*; do
    pid=\${file#/proc/}
    { carries "$pid" || shares "$pid"; } && kill "-$1" "$pid" 2>/dev/null && found=yes
  done
}
[ -n "$group" ] && echo 1 2>/dev/null >"$group/cgroup.kill"
[ -n "$shell" ] && carries "$shell" && kill -STOP "$shell"
look $$; own=" 0 $session " sessions=' '
for file in /proc/[0-9]*; do
  pid=\${file#/proc/}
  carries "$pid" && look "$pid" || continue
  case $own in *" $session "*) ;; *) sessions="$sessions$session " ;; esac
done
signal STOP
signal STOP
round=0
while [ $round -lt 50 ]; do
  signal KILL
  # Fails while a process has not yet exited.
  [ -d "$group" ] && rmdir "$group"/*/*/ "$group"/*/ "$group" 2>/dev/null
  [ -z "$found" ] && [ ! -d "$group" ] && exit 0
  round=$((round + 1))
done
`;

export interface GuardOptions {
  readonly cookie: Cookie;
  /** Uid of the job's user. Left out: that of this process. */
  readonly uid?: number | undefined;
  /** Pid of the leader of the terminal. */
  readonly leaderPid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly logger: Logger;
  /** The job's control group, if it has one. */
  readonly group?: JobGroup | undefined;
}

/** A guard. Disposal ends it. */
export interface Guard extends AsyncDisposable {
  /** Tells the guard the pid of the job's shell, which it suspends first. Called once. */
  follow(shellPid: number): void;
}

/** Starts the guard of a terminal that was opened just now (Linux only). */
export function startGuard(options: GuardOptions): Guard {
  const { cookie, uid, leaderPid, env, logger, group } = options;
  const master = findMaster(leaderPid);
  if (master === undefined) return noGuard;
  try {
    const job = [group?.directory ?? "", uid === undefined ? "" : String(uid)];
    const guard = Bun.spawn(["sh", "-c", script, "signalman-guard", ...job], {
      env: { PATH: env["PATH"] ?? "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore", master],
    });
    guard.unref();
    // Neither an argument, which every user can read, nor in the environment, where it would make the guard a
    // process of the job.
    const tell = (line: string) => {
      void guard.stdin.write(`${line}\n`);
      void guard.stdin.flush();
    };
    tell(`${cookie.name}=${cookie.value}`);
    return {
      follow: (shellPid) => tell(String(shellPid)),
      async [Symbol.asyncDispose]() {
        tell("leave");
        void guard.stdin.end();
        await guard.exited;
      },
    };
  } catch (error) {
    logger.warn(`the guard of the job could not be started: ${toMessage(error)}`);
    return noGuard;
  }
}

const noGuard: Guard = { follow() {}, [Symbol.asyncDispose]: () => Promise.resolve() };

/**
 * Finds the descriptor of our end of the terminal that a process leads. Bun does not expose it, the kernel
 * does.
 */
function findMaster(leaderPid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${leaderPid}/stat`, "latin1");
    const device = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[4]);
    const index = (device & 0xff) | ((device >>> 12) & 0xfff00);
    for (const fd of readdirSync("/proc/self/fd")) {
      if (!readlinkSync(`/proc/self/fd/${fd}`).endsWith("ptmx")) continue;
      if (new RegExp(`^tty-index:\\s*${index}$`, "m").test(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")))
        return Number(fd);
    }
  } catch {
    // The system has no /proc, or the shell has exited.
  }
  return undefined;
}
