import path from "node:path";

/** A program in a terminal of tmux, whose screen can be read. */
export interface Screen extends AsyncDisposable {
  /** The lines of the screen with their colours, as escape sequences. */
  read(): Promise<string[]>;
  type(keys: string): Promise<void>;
  /** Whether the program still runs. */
  isRunning(): Promise<boolean>;
}

export interface ScreenOptions {
  /** A line that the screen shows after a prompt. */
  readonly line: string;
  /** What a shell runs. Default: the line. */
  readonly command?: string | undefined;
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Starts a program in a terminal. Disposal ends it. */
export async function openScreen({
  line,
  command = line,
  columns,
  rows,
  env,
  cwd,
}: ScreenOptions): Promise<Screen> {
  // A server of its own: the one before may still be ending.
  const socket = path.join(cwd, `.screen-${crypto.randomUUID()}`);
  const gate = `${socket}-settings`;
  const call = async (...args: string[]): Promise<string> => {
    const child = Bun.spawn(["tmux", "-S", socket, "-f", "/dev/null", ...args], { cwd, env, stderr: "pipe" });
    const [text, fault] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0) throw new Error(`tmux ${args.join(" ")}: ${fault}`);
    return text;
  };
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const shown = `printf '\\033[32m$\\033[0m %s\\n' ${quoted(line)}; ${command}`;
  const size = ["-x", String(columns), "-y", String(rows)];
  const settings = [
    ["status", "off"],
    ["remain-on-exit", "on"],
    ["remain-on-exit-format", ""],
  ] as const;
  const settingsArguments = settings.flatMap(([name, value]) => [";", "set-option", "-g", name, value]);
  // The program starts when the settings are in force: otherwise a short one would take the terminal with it.
  const start = `until [ -e '${gate}' ]; do sleep 0.01; done; ${shown}`;
  await call("new-session", "-d", ...size, "bash", "--norc", "-c", start, ...settingsArguments);
  await Bun.write(gate, "");
  return {
    read: async () => (await call("capture-pane", "-e", "-p")).replace(/\n$/, "").split("\n"),
    type: async (keys) => void (await call("send-keys", keys)),
    isRunning: async () => (await call("display-message", "-p", "#{pane_dead}")).trim() === "0",
    async [Symbol.asyncDispose]() {
      await call("kill-server").catch(() => {});
    },
  };
}
