import { AgentError } from "../../core/errors.ts";

/** Runs a command of the system. Throws `PROGRAM_FAILED` with its output. */
export function runSystem(command: readonly string[]): string {
  const [program = ""] = command;
  let result: Bun.SyncSubprocess<"pipe", "pipe">;
  try {
    result = Bun.spawnSync([...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: limitMs,
    });
  } catch {
    throw new AgentError("PROGRAM_FAILED", `"${program}" is not installed`);
  }
  if (result.success) return result.stdout.toString();
  const output = `${result.stderr.toString()}${result.stdout.toString()}`.trim().slice(0, mostOutput);
  throw new AgentError(
    "PROGRAM_FAILED",
    `"${command.join(" ")}" failed: ${output || `status ${result.exitCode}`}`,
  );
}

export function succeeds(command: readonly string[]): boolean {
  try {
    runSystem(command);
    return true;
  } catch {
    return false;
  }
}

const limitMs = 120_000;
const mostOutput = 2000;
