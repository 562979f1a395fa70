import { expect } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createHost, type HostOptions } from "../../src/core/host/host.ts";
import { AgentError, type Plugin } from "../../src/index.ts";
import { agentStatus } from "../../src/testing/hook-events.ts";
import { createRecordingLogger, tmpdir } from "../../src/testing/index.ts";

/** Creates a temporary directory with files (text by path). */
export async function directoryWith(files: Readonly<Record<string, string>>) {
  const directory = await tmpdir();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, path)), { recursive: true });
    await writeFile(join(directory.path, path), text);
  }
  return directory;
}

/** Runs the program from source, or another one, in `cwd`. */
export async function run(
  args: readonly string[],
  { cwd, program = [process.execPath, join(import.meta.dir, "../../src/main.ts")], env = {} }: RunOptions,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([...program, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

export interface RunOptions {
  readonly cwd: string;
  readonly program?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Type-checks a directory like a project that has this SDK installed, and returns the errors. */
export async function typeCheck(directory: string): Promise<string> {
  const root = join(import.meta.dir, "../..");
  const tsconfig = join(directory, "tsconfig.check.json");
  await writeFile(
    tsconfig,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        typeRoots: [join(root, "node_modules/@types")],
        paths: {
          signalman: [join(root, "src/index.ts")],
          "signalman/executor": [join(root, "src/executor.ts")],
          "signalman/host": [join(root, "src/host.ts")],
          "signalman/http": [join(root, "src/http.ts")],
          "signalman/testing": [join(root, "src/testing/index.ts")],
        },
      },
      include: ["**/*.ts"],
    }),
  );
  const tsc = Bun.spawn([join(root, "node_modules/.bin/tsc"), "-p", tsconfig], {
    cwd: directory,
    stdout: "pipe",
  });
  const lines = (await tsc.stdout.text()).split("\n");
  return lines.filter((line) => /^\w/.test(line)).join("\n");
}

/** Sets up plugins without options, in a host for both processes. */
export function openHost(plugins: readonly Plugin[], options: Partial<HostOptions> = {}) {
  return createHost({
    plugins: plugins.map((plugin) => ({ plugin, config: {}, origin: { kind: "built-in" } as const })),
    roles: ["agent", "job"],
    logger: createRecordingLogger(),
    ...options,
  });
}

/** Returns the error of a misuse in `setup`. */
export async function failureOf(plugin: Plugin, options: Partial<HostOptions> = {}): Promise<AgentError> {
  const error = await openHost([plugin], options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AgentError);
  return error as AgentError;
}

/** The event of `agent:start`. */
export const agentStart = { version: "1", status: () => agentStatus };
