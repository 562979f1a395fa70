/** What an error code means to the person who reads the error. */
export interface ErrorExplanation {
  /** What has happened, and why: one or two sentences. */
  readonly cause: string;
  /** What to do: one or two sentences. */
  readonly remedy: string;
}

/**
 * The program's error codes. Tests assert codes, never messages. Only `signalman help errors` and the
 * documentation load this table.
 */
export const errorCodes = {
  USAGE_INVALID: {
    cause:
      "The command line is not valid: an unknown command or flag, a missing value, or values that exclude each other.",
    remedy: "Correct the part that the message quotes. `signalman help <command>` shows the usage.",
  },
  CONFIG_INVALID: {
    cause: "A configuration value, key or file has a fault. The message lists all faults with their places.",
    remedy:
      "Correct each of them and call `signalman config check`. `signalman config` shows where a value comes from, `signalman help options <word>` what is accepted.",
  },
  CONFIG_UNREADABLE: {
    cause:
      "The configuration file does not exist, cannot be read by this user, or is not valid YAML, JSON, TOML, TypeScript or JavaScript.",
    remedy:
      "Check the path of `--config-file` and the file's permissions, or correct the line that the message names.",
  },
  JOB_INVALID: {
    cause:
      "The file is not a job request: it is not valid YAML or JSON, or a key is missing or of the wrong type.",
    remedy: "Correct the keys that the message lists. `signalman help job-files` describes every key.",
  },
  JOB_UNREADABLE: {
    cause: "The job request cannot be read: the file does not exist, or this user may not read it.",
    remedy: "Check the path; `-` reads the job from standard input.",
  },
  JOB_UNREACHABLE: {
    cause:
      "A command that is meant for a job's own processes found no job, or the job does not answer or does not know the command.",
    remedy:
      "Call it within a job, with the job's environment (SIGNALMAN_JOB_SOCKET). In a container, use an image that can reach the job; `signalman help job-commands` describes the ways.",
  },
  JOB_REFUSED: {
    cause: "A plugin refused the job, or a command that the job called. The message is for the job's user.",
    remedy: "Change the job as the message says, or ask the operator of the agent about the policy.",
  },
  JOB_STOPPED: {
    cause: "The job was stopped. The message says why.",
    remedy: "None is needed: what waited for the job, such as a hook of a plugin, ends with it.",
  },
  JOB_FAILED: {
    cause: "A plugin has failed the job, and the job's log shows the reason already.",
    remedy: "Read the end of the job's log: `signalman logs --last`.",
  },
  PLUGIN_INVALID: {
    cause:
      "A file is not a plugin, or a plugin asks for something that does not exist: a hook, a service, a flag, another version of the program.",
    remedy:
      "Correct the plugin at the place that the message names. `signalman plugins test <directory>` runs its tests, `signalman help topics plugins` shows the form of a plugin.",
  },
  PLUGIN_UNKNOWN: {
    cause: "No built-in plugin has this name, or the file or package of a plugin cannot be found.",
    remedy:
      "Correct the key under `plugins` in the configuration file. Paths are relative to that file, and packages are looked for from its directory.",
  },
  PLUGIN_FAILED: {
    cause:
      "The code of a plugin threw an error. The message names the plugin, the hook or command, and the line.",
    remedy:
      "Correct the plugin, or turn it off: `plugins: { <name>: false }`. `--log-level debug` shows the stack.",
  },
  PLUGIN_SLOW: {
    cause:
      "A plugin missed its deadline while it was loaded, set up or called: it waits for something, or it blocks the event loop.",
    remedy:
      "Do I/O in the hook `agent:start`, not in `setup` or at the top level of the file, and give each wait a time-out. A listener can ask for more time with `timeoutMs`.",
  },
  HOOK_UNKNOWN: {
    cause: "A plugin listens to a hook that does not exist.",
    remedy: "Use one of the names in `signalman help hooks`. An older program does not know newer hooks.",
  },
  SERVICE_TAKEN: {
    cause: "Two plugins provide a service under the same name.",
    remedy: "Turn one of them off, or give the service of one another name.",
  },
  SERVICE_UNKNOWN: {
    cause:
      "No plugin provides this service under this name: an executor, a log backend or a job source, for example.",
    remedy:
      "Correct the name; the message lists the known ones. A service is known only in the processes that its plugin names in `runsIn`.",
  },
  VARIABLE_INVALID: {
    cause: "A plugin sets a variable that a job cannot have: its name or its value is not valid.",
    remedy: "Correct the plugin: names consist of letters, digits and underscores, and values are texts.",
  },
  SESSION_FAILED: {
    cause:
      "The job's shell could not be started, or it does not answer: its login profile waits or ends the shell, or the container has ended.",
    remedy:
      "Start the same shell by hand as the job's user (`bash --login`), and look for commands in the profile that read input, `exit` or `exec`. `shell-start-timeout` limits the profile's time.",
  },
  TERMINAL_FAILED: {
    cause: "A pseudo-terminal could not be opened, or its connection broke.",
    remedy:
      "Mount /dev/pts and /dev/ptmx where the agent runs, and look at the number of terminals in use: /proc/sys/kernel/pty/nr and max.",
  },
  LOG_BUSY: {
    cause: "A plugin adds a block to the job's log while another block is open, or after the log has ended.",
    remedy: "Await each `log.command` and `run` before the next one, and before the hook returns.",
  },
  SPOOL_FAILED: {
    cause:
      "The job's log on disk cannot be written or read: the disk is full or faulty, or another process changed the file.",
    remedy:
      "Free space in the state directory, or limit logs with `log-disk-limit` and `kept-logs-size`. Let only the agent write there.",
  },
  STATE_INVALID: {
    cause: "A document in the state directory is damaged, by a faulty disk or by another program.",
    remedy:
      "Check the disk. Move the file that the message names away; what it described, such as one job, is lost.",
  },
  STATE_NEWER: {
    cause:
      "A document or a job in the state directory belongs to a newer version of the program. Nothing was changed.",
    remedy:
      "Start the newer program, let it drain (SIGQUIT), and then start this one; or upgrade with `signalman upgrade`.",
  },
  STATE_LOCKED: {
    cause:
      "Another agent uses this state directory, or the process of a job in it is alive and does not respond.",
    remedy:
      "Give each agent a `state-dir` of its own, or stop the other agent: `signalman status` lists the agents.",
  },
  STATE_UNSAFE: {
    cause:
      "Users other than root and the agent's can change the state directory, and with it the agent's jobs and results.",
    remedy:
      "Change its owner and mode as the message says, or choose another `state-dir`. `signalman help security` describes the rule.",
  },
  CONTROL_PLANE_FAILED: {
    cause:
      "The control plane cannot be reached, or it refused a request that the agent needs, such as its registration.",
    remedy:
      "Check `endpoint` and the token. `signalman doctor`, called as the agent's user, tests the connection.",
  },
  CONTROL_GROUP_FAILED: {
    cause: "The control group of a job cannot be created, or it cannot enforce a limit that is set.",
    remedy:
      "Let the service manager delegate one to the agent (`Delegate=yes` in the systemd unit), or remove `job-memory`, `job-cpus` and `job-pids`. `signalman doctor` shows what is missing.",
  },
  PROGRAM_FAILED: {
    cause:
      "Another program or service that the agent needs cannot be run, or it failed. The message quotes its output.",
    remedy:
      "Install it, or make it available in the agent's PATH; call it by hand as the agent's user to see the same error.",
  },
  FILE_FAILED: {
    cause: "A file or directory that the agent needs cannot be created, read or written.",
    remedy: "Check the permissions and the free space of the path that the message names.",
  },
} as const satisfies Readonly<Record<string, ErrorExplanation>>;
