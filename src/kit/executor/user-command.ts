import type { JobUser } from "../../core/contracts/executor-options.ts";

/**
 * Returns the command line that runs `command` as another user, with all of its groups and no capability, and
 * makes its terminal, if standard input is one, the user's. Without a user: the command itself. Needs
 * `setpriv` of util-linux.
 */
export function toUserCommand<Command extends readonly string[]>(
  user: JobUser | undefined,
  command: Command,
): Command | readonly [string, ...string[]] {
  if (user === undefined) return command;
  const { uid, gid, groups } = user;
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(",")}`, "--inh-caps=-all"];
  // Otherwise `echo >/dev/stderr` fails, which opens the terminal by its path.
  const script = 'if [ -t 0 ]; then chown "$1" /dev/stdin; fi; shift; exec "$@"';
  return ["sh", "-c", script, "sh", String(uid), "setpriv", ...identity, "--", ...command];
}

/** Variables of the agent's own login, session and service manager. They name files and sockets of another user. */
const ownVariables =
  /^(HOME|USER|LOGNAME|SHELL|MAIL|TMPDIR|TMP|TEMP|PWD|OLDPWD|BASH_ENV|ENV|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_.*|MEMORY_PRESSURE_.*|(RUNTIME|STATE|CACHE|LOGS|CONFIGURATION|CREDENTIALS)_DIRECTORY|(XDG|DBUS|SUDO|SSH)_.*)$/;

/**
 * Returns the environment of the user's processes: the agent's, with the user's own home, name and shell.
 * Without a user: the environment itself.
 */
export function toUserEnvironment(
  user: JobUser | undefined,
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (user === undefined) return environment;
  const shared = Object.entries(environment).filter(([name]) => !ownVariables.test(name));
  const { name, home, shell } = user;
  return { ...Object.fromEntries(shared), HOME: home, USER: name, LOGNAME: name, SHELL: shell };
}
