import { tail } from "./log-tail.ts";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Milliseconds after which the command is killed and has failed. Default: one minute. */
  readonly timeoutMs?: number;
}

/** Runs a program and returns its standard output. Throws with the end of its output when it fails. */
export async function run(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...options.env },
    stdin: new Blob([options.stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 60_000,
    killSignal: "SIGKILL",
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return stdout;
  throw new Error(`"${command.join(" ")}" exited with ${code}: ${tail(`${stdout}${stderr}`)}`);
}
