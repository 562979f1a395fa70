import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";

const tokenVariable = "SEMAPHORE_AGENT_TOKEN";

/** Throws `USAGE_INVALID` unless root calls it. */
export function assertRoot(): void {
  if (process.getuid?.() !== 0) throw new AgentError("USAGE_INVALID", "this needs root: run it with sudo");
}

/** Returns the path of the compiled program, which belongs to root. Throws `USAGE_INVALID` with what to do. */
export function findInstalledProgram(path = process.execPath): string {
  if (/^(bun|node)(\.exe)?$/.test(basename(path)))
    throw new AgentError(
      "USAGE_INVALID",
      "this is not the compiled program: install a release first (docs/install.md)",
    );
  const { uid, mode } = statSync(path);
  if (uid !== 0 || (mode & 0o022) !== 0)
    throw new AgentError(
      "USAGE_INVALID",
      `other users than root can replace "${path}": install -o root -g root -m 0711 ${path} /usr/local/bin/signalman, and call that one`,
    );
  return path;
}

/**
 * Makes sure that the file of the agent's variables exists, which only root can read, and puts the token of
 * the environment into it. Returns whether it has one. Throws `FILE_FAILED`.
 */
export function prepareEnvironmentFile(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const token = env[tokenVariable];
  try {
    const text = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    if (text !== undefined && hasToken(text)) return true;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const line = token ? `${tokenVariable}=${token}\n` : "";
    writeFileSync(path, `${text ?? "# Variables of the agent; only root can read this file.\n"}${line}`, {
      mode: 0o600,
    });
    chmodSync(path, 0o600);
    return line !== "";
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot write "${path}": ${toMessage(cause)}`, { cause });
  }
}

function hasToken(text: string): boolean {
  return /^SEMAPHORE_AGENT_TOKEN(_FILE)?=./m.test(text);
}
