import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, runProgram } from "signalman";

/** Directory in the sandbox for files from the agent; read-only for the job. */
export const exchange = "/run/signalman";

/** The directories of a job on this host. */
export interface Workspace extends AsyncDisposable {
  /** Path of the home directory in the sandbox. */
  readonly home: string;
  /** Paths of the directories on this host. */
  readonly host: { readonly home: string; readonly temporary: string; readonly exchange: string };
  /** Writes a file that the job can read, and returns its path in the sandbox. Replaces an existing file. */
  put(name: string, content: string | Uint8Array): string;
  remove(name: string): void;
}

/** Creates the directories in `directory`. Disposal removes them. */
export function createWorkspace(directory: string, home: string, logger: Logger): Workspace {
  const host = {
    home: join(directory, "home"),
    temporary: join(directory, "tmp"),
    exchange: join(directory, "exchange"),
  };
  for (const path of Object.values(host)) mkdirSync(path, { recursive: true, mode: 0o700 });
  return {
    home,
    host,
    put(name, content) {
      const path = join(host.exchange, name);
      writeFileSync(path, content, { mode: 0o600 });
      return join(exchange, name);
    },
    remove: (name) => rmSync(join(host.exchange, name), { force: true }),
    async [Symbol.asyncDispose]() {
      for (const path of Object.values(host)) await removeTree(path, logger);
    },
  };
}

/** Removes a directory. A job may leave read-only directories, such as Go's module cache. */
async function removeTree(path: string, logger: Logger): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    chmodSync(path, 0o700);
    await runProgram({ command: ["chmod", "-R", "u+rwX", path], env: {}, logger });
    await rm(path, { recursive: true, force: true });
  }
}
