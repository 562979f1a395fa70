import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, runProgram } from "signalman";

/** Where in the sandbox stands what we hand in; the job can only read it. */
export const exchange = "/run/signalman";

/** The directories of this host that are a job's own. */
export interface Workspace extends AsyncDisposable {
  /** The home directory, as it is called in the sandbox. */
  readonly home: string;
  /** Where they are on this host. */
  readonly host: { readonly home: string; readonly temporary: string; readonly exchange: string };
  /** Puts a file, readable by the job, and gives its path in the sandbox. A name that was there is replaced. */
  put(name: string, content: string | Uint8Array): string;
  take(name: string): void;
}

/** Makes them in `directory`; they go when it is disposed. */
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
    take: (name) => rmSync(join(host.exchange, name), { force: true }),
    async [Symbol.asyncDispose]() {
      for (const path of Object.values(host)) await remove(path, logger);
    },
  };
}

/** A job may leave directories that even their owner cannot empty, as Go's module cache is. */
async function remove(path: string, logger: Logger): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    chmodSync(path, 0o700);
    await runProgram({ command: ["chmod", "-R", "u+rwX", path], env: {}, logger });
    await rm(path, { recursive: true, force: true });
  }
}
