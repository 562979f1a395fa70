import type { Client } from "../client/client.ts";
import type { Link } from "./link.ts";
import { fitsStep, toStep } from "./steps.ts";
import { upload } from "./upload.ts";

/** Directory of the session's files in the pod. */
export const sessionDirectory = "/signalman/session";

/** Writes files to the session's directory, which only the job's user can read. */
export interface PodFiles {
  /** Resolves to the file's path. Lines that are typed later find the file. */
  put(prefix: string, content: string | Uint8Array): Promise<string>;
  /** Writes a file under this name. One that was uploaded is kept. */
  write(name: string, content: string | Uint8Array): Promise<void>;
  /**
   * As `put`, for a shell beside the job's: resolves when the file is complete, and leaves the number of
   * out-of-memory kills before the running command as it is.
   */
  putBeside(prefix: string, content: string): Promise<string>;
  /** Empties a file. Paths outside of the session's directory are ignored. */
  drop(path: string): void;
}

export function createPodFiles(options: {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  readonly link: Link;
  /** Whether the terminal uses the link as well: steps of the link then arrive before later input. */
  readonly isHeld: boolean;
  /** Number of the job's process: two of them never write the same file. */
  readonly owner: number;
  /** Aborts when the session has ended. */
  readonly signal: AbortSignal;
}): PodFiles {
  const { link, isHeld, owner, ...place } = options;
  let count = 0;
  const toName = (prefix: string) => {
    count += 1;
    return owner === 1 ? `${prefix}-${count}` : `${prefix}-${owner}.${count}`;
  };
  async function write(name: string, content: string | Uint8Array): Promise<void> {
    if (isHeld && typeof content === "string" && fitsStep(content)) link.send(toStep("put", name, content));
    else await upload({ ...place, name, bytes: Buffer.from(content) });
  }
  return {
    async put(prefix, content) {
      const name = toName(prefix);
      await write(name, content);
      return `${sessionDirectory}/${name}`;
    },
    write,
    async putBeside(prefix, content) {
      const name = toName(prefix);
      await upload({ ...place, name, bytes: Buffer.from(content), isBeside: true });
      return `${sessionDirectory}/${name}`;
    },
    drop(path) {
      if (path.startsWith(`${sessionDirectory}/`)) link.send(toStep("drop", path));
    },
  };
}
