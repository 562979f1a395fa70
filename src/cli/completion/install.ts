import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import { openRegularFile, readWhole } from "../../os/state/file.ts";
import { replaceFile } from "../service/replace-file.ts";
import { completionScripts, type Shell } from "./scripts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Writes the script of a shell to this user's directory for it, and returns what was done and what remains to be done.
 * Throws `FILE_FAILED`, also for another file in its place.
 */
export function installCompletion(shell: Shell, env: Environment): string[] {
  const { directory, file, next } = toPlace(shell, env);
  const path = join(directory, file);
  const script = completionScripts[shell];
  const current = read(path);
  if (current !== undefined && !current.includes("# Completion of signalman for "))
    throw new AgentError(
      "FILE_FAILED",
      `"${path}" exists and was not written by signalman: remove it, or write the script elsewhere with "signalman completion ${shell}"`,
    );
  if (current === script) return [`"${path}" is up to date`, ...next];
  replaceFile(path, script, 0o644);
  return [`${current === undefined ? "wrote" : "replaced"} "${path}"`, ...next];
}

interface Place {
  readonly directory: string;
  readonly file: string;
  readonly next: readonly string[];
}

function toPlace(shell: Shell, env: Environment): Place {
  const home = env["HOME"] || homedir();
  const find = (variable: string, fallback: string) => {
    const given = env[variable] ?? "";
    return isAbsolute(given) ? given : join(home, fallback);
  };
  const data = find("XDG_DATA_HOME", ".local/share");
  switch (shell) {
    case "bash": {
      const directory = join(data, "bash-completion", "completions");
      return {
        directory,
        file: "signalman",
        next: [
          "the package bash-completion loads it in new shells; without that package, add this line to ~/.bashrc:",
          `  source ${quote(join(directory, "signalman"))}`,
        ],
      };
    }
    case "zsh": {
      const directory = join(data, "zsh", "site-functions");
      return {
        directory,
        file: "_signalman",
        next: [
          "add these lines to ~/.zshrc, unless it has them (the first one before any other compinit):",
          `  fpath=(${quote(directory)} $fpath)`,
          "  autoload -U compinit && compinit",
        ],
      };
    }
    case "fish":
      return {
        directory: join(find("XDG_CONFIG_HOME", ".config"), "fish", "completions"),
        file: "signalman.fish",
        next: ["new shells load it"],
      };
  }
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

const maxBytes = 2 ** 20;

function read(path: string): string | undefined {
  try {
    return readWhole(openRegularFile(path, "read", "follow"), maxBytes).toString("utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AgentError("FILE_FAILED", `cannot read "${path}": ${toMessage(cause)}`, { cause });
  }
}
