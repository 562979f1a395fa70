import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary directory in which the program runs from source. */
export interface Home extends AsyncDisposable {
  readonly path: string;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  run(...args: readonly string[]): Promise<Outcome>;
  runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Outcome>;
  /** Runs a bash command in which `signalman` is the program. */
  bash(line: string): Promise<Outcome>;
}

export async function openHome(files: Readonly<Record<string, string>> = {}): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), "signalman-"));
  const write: Home["write"] = async (more) => {
    for (const [name, content] of Object.entries(more)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
  };
  const spawn = async (
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<Outcome> => {
    const child = Bun.spawn([...command], {
      cwd: path,
      env: {
        PATH: process.env["PATH"],
        HOME: path,
        TMPDIR: path,
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
        ...env,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  };
  await write(files);
  return {
    path,
    write,
    run: (...args) => spawn([process.execPath, main, ...args], {}),
    runWith: (env, ...args) => spawn([process.execPath, main, ...args], env),
    bash: (line) =>
      spawn(["bash", "-c", `signalman() { "${process.execPath}" "${main}" "$@"; }\n${line}`], {}),
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true });
    },
  };
}

const main = join(import.meta.dir, "..", "..", "src", "main.ts");
