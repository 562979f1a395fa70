import { expect } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createHost, type HostOptions } from "../../src/core/host/host.ts";
import { AgentError, type Plugin } from "../../src/index.ts";
import { agentStatus } from "../../src/testing/hook-events.ts";
import { createRecordingLogger, tmpdir } from "../../src/testing/index.ts";

/** A temporary directory with these files in it: path → text. */
export async function directoryWith(files: Readonly<Record<string, string>>) {
  const directory = await tmpdir();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, path)), { recursive: true });
    await writeFile(join(directory.path, path), text);
  }
  return directory;
}

/** Runs the program from its source, or another one, in `cwd`. */
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

/** Type-checks the TypeScript in a directory against this SDK, as a project does that has it installed: its faults there. */
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
          "signalman/terminal": [join(root, "src/terminal.ts")],
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

/** Sets plugins up that have no options, in a host that is agent and job at once. */
export function openHost(plugins: readonly Plugin[], options: Partial<HostOptions> = {}) {
  return createHost({
    plugins: plugins.map((plugin) => ({ plugin, config: {}, origin: { kind: "built-in" } as const })),
    roles: ["agent", "job"],
    logger: createRecordingLogger(),
    ...options,
  });
}

/** What a misuse in `setup` comes to. */
export async function failureOf(plugin: Plugin, options: Partial<HostOptions> = {}): Promise<AgentError> {
  const error = await openHost([plugin], options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AgentError);
  return error as AgentError;
}

/** What `agent:start` brings. */
export const agentStart = { version: "1", status: () => agentStatus };
