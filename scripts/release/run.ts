export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: Uint8Array;
}

/** Runs a command and returns its output. Throws with its output when it fails or cannot be started. */
export function run(command: readonly string[], { cwd, env, stdin }: RunOptions = {}): string {
  const { success, exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, ...env },
    stdin: stdin ?? "ignore",
  });
  if (success) return stdout.toString();
  const output = `${stdout.toString()}${stderr.toString()}`.trim();
  throw new Error(`"${command.join(" ")}" failed with status ${exitCode}:\n${output}`);
}

/** Returns the path of a tool. Throws with the name of the package that has it. */
export function findTool(name: string, hint: string): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`"${name}" is not installed: ${hint}`);
  return path;
}
