import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { runsAsJobUser, setUpJobUsers } from "./job-user.ts";

export const root = path.dirname(path.dirname(import.meta.dir));
/** The executable that `npm run build` creates. */
export const binary = path.join(root, "dist", "signalman");

export interface Finished {
  /** 128 + n when a signal terminated the program. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Variables added to the tester's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. Default: the temporary home. */
  readonly cwd?: string;
  readonly stdin?: string;
  /** The command that `args` are passed to. Default: the binary. */
  readonly program?: readonly string[];
  /** The user and group that the program runs as, set as service managers do. Needs root. Default: this user. */
  readonly uid?: number;
  /** Runs the program in a terminal with 24 rows. Its output is in `stdout`; `type` sends input. */
  readonly isTerminal?: boolean;
  /** Width of the terminal. Default: 80. */
  readonly columns?: number;
}

/** A running program. */
export interface Running {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  /** The output so far. */
  readonly stdout: string;
  /** Resolves when the program has printed the text; rejects when it exits without printing it. */
  shows(text: string): Promise<void>;
  /** Sends keys to the terminal: `"\x03"` is Ctrl-C. */
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Closes the terminal, as a lost connection does. */
  hangUp(): void;
  kill(signal: NodeJS.Signals): void;
}

/** Runs programs in a temporary home with a separate environment. Disposal ends all of them. */
export interface Tester extends AsyncDisposable {
  readonly home: string;
  /** The programs' `TMPDIR`, which is empty at first. */
  readonly temporary: string;
  /** Writes a file below the home and returns its path. */
  write(file: string, text: string, mode?: number): Promise<string>;
  /** Runs the binary and waits until it exits. */
  run(args: readonly string[], options?: StartOptions): Promise<Finished>;
  /** Starts the binary. */
  start(args: readonly string[], options?: StartOptions): Running;
  /** Runs another program and waits until it exits. */
  exec(command: readonly string[], options?: StartOptions): Promise<Finished>;
}

export interface TesterOptions {
  /** Whether jobs run as users of their own (`job-user.ts`). */
  readonly hasJobUsers?: boolean;
}

export async function createTester({ hasJobUsers = runsAsJobUser }: TesterOptions = {}): Promise<Tester> {
  if (!existsSync(binary)) throw new Error(`binary "${binary}" not found: run "npm run build" first`);
  const directory = await tmpdir();
  const home = path.join(directory.path, "home");
  const temporary = path.join(directory.path, "tmp");
  await Promise.all([mkdir(home), mkdir(temporary)]);
  const env = {
    ...networkSettings(),
    HOME: home,
    LANG: "C.UTF-8",
    PATH: process.env.PATH!,
    TMPDIR: temporary,
    ...(hasJobUsers && (await setUpJobUsers(directory.path, home, temporary))),
  };
  const started: Running[] = [];

  const exec = (command: readonly string[], options: StartOptions = {}): Running => {
    const running = spawn(command, { cwd: home, ...options, env: { ...env, ...options.env } });
    started.push(running);
    return running;
  };
  return {
    home,
    temporary,
    async write(file, text, mode = 0o644) {
      const target = path.join(home, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, text);
      await chmod(target, mode);
      return target;
    },
    run: (args, options) => exec([...(options?.program ?? [binary]), ...args], options).finished,
    start: (args, options) => exec([...(options?.program ?? [binary]), ...args], options),
    exec: (command, options) => exec(command, options).finished,
    async [Symbol.asyncDispose]() {
      for (const running of started) running.kill("SIGKILL");
      await Promise.allSettled(started.map((running) => running.finished));
      await directory[Symbol.asyncDispose]();
    },
  };
}

/**
 * Returns the machine's settings for package registries: certificates, proxies, and options of npm and bun.
 */
export function networkSettings(): Record<string, string> {
  const names =
    /^(NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|(https?|no|all)_proxy|npm_config_(registry|cafile|\w*proxy)|BUN_CONFIG_REGISTRY)$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name, value]) => names.test(name) && value),
  ) as Record<string, string>;
}

function spawn(command: readonly string[], options: StartOptions): Running {
  const output = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const listeners = new Set<() => void>();
  const take = (stream: "stdout" | "stderr", bytes: Uint8Array) => {
    output[stream] += decoders[stream].decode(bytes, { stream: true });
    for (const listener of listeners) listener();
  };
  const user = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
  const common = { cwd: options.cwd!, env: options.env!, ...user };
  const child = options.isTerminal
    ? Bun.spawn([...command], {
        ...common,
        terminal: { cols: options.columns ?? 80, rows: 24, data: (_, bytes) => take("stdout", bytes) },
      })
    : Bun.spawn([...command], {
        ...common,
        stdin: new Blob([options.stdin ?? ""]),
        stdout: "pipe",
        stderr: "pipe",
      });
  const pipes = options.isTerminal
    ? []
    : (["stdout", "stderr"] as const).map(async (name) => {
        for await (const bytes of child[name] as ReadableStream<Uint8Array>) take(name, bytes);
      });
  const finished = Promise.all([child.exited, ...pipes]).then(([exitCode]) => {
    child.terminal?.close();
    return { exitCode, ...output };
  });
  return {
    pid: child.pid,
    finished,
    get stdout() {
      return output.stdout;
    },
    async shows(text) {
      const shown = Promise.withResolvers<void>();
      const check = () => output.stdout.includes(text) && shown.resolve();
      listeners.add(check);
      check();
      void finished.then((end) =>
        shown.reject(
          new Error(
            `exited with status ${end.exitCode} without printing "${text}":\n${end.stdout}${end.stderr}`,
          ),
        ),
      );
      await shown.promise.finally(() => listeners.delete(check));
    },
    type: (keys) => void child.terminal!.write(keys),
    resize: (columns, rows) => void child.terminal!.resize(columns, rows),
    hangUp: () => child.terminal!.close(),
    kill: (signal) => child.kill(signal),
  };
}
