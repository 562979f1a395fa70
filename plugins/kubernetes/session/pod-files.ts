import type { Client } from "../client/client.ts";
import type { Link } from "./link.ts";
import { fitsStep, toStep } from "./steps.ts";
import { upload } from "./upload.ts";

/** Where the session keeps its files in the pod. */
export const sessionDirectory = "/signalman/session";

/** Puts files into the session's directory, which only the job's user reads. */
export interface PodFiles {
  /** Resolves to the file's path. What is typed after it finds it there. */
  put(prefix: string, content: string | Uint8Array): Promise<string>;
  /** Empties a file that is no longer needed. Another path is left alone. */
  drop(path: string): void;
}

export function createPodFiles(options: {
  readonly client: Client;
  readonly pod: string;
  readonly container: string;
  readonly link: Link;
  /** The terminal is reached by the link as well, so that what is sent there keeps its order. */
  readonly isHeld: boolean;
  /** Aborts when the session has ended. */
  readonly signal: AbortSignal;
}): PodFiles {
  const { link, isHeld, ...place } = options;
  let count = 0;
  return {
    async put(prefix, content) {
      count += 1;
      const name = `${prefix}-${count}`;
      if (isHeld && typeof content === "string" && fitsStep(content)) link.send(toStep("put", name, content));
      else await upload({ ...place, name, bytes: Buffer.from(content) });
      return `${sessionDirectory}/${name}`;
    },
    drop(path) {
      if (path.startsWith(`${sessionDirectory}/`)) link.send(toStep("drop", path));
    },
  };
}
