import { createHash } from "node:crypto";
import { join } from "node:path";

/** The files of one mirror. Everything but `lock` and `used` is changed by the holder of the lock only. */
export interface MirrorPaths {
  readonly name: string;
  readonly directory: string;
  /** The bare repository. */
  readonly repository: string;
  /** Complete answers to requests of clients that have nothing, ready to be sent again. */
  readonly answers: string;
  readonly lock: string;
  /** The URL of the origin. */
  readonly url: string;
  /** Its time is that of the last use. */
  readonly used: string;
  /** How fast the origin was. */
  readonly pace: string;
  /** A fetch has failed: the repository is to be checked. */
  readonly suspect: string;
  /** The mirror alone is larger than all mirrors may be. */
  readonly tooLarge: string;
}

/** The directory of all mirrors. */
export function toRoot(path: string, stateDirectory: string): string {
  return path || join(stateDirectory, "git-mirrors");
}

/** One mirror for each URL as it is written: two texts for one repository have two mirrors. */
export function toMirrorPaths(root: string, url: string): MirrorPaths {
  const slug = url
    .replace(/^\w+:\/\//, "")
    .replaceAll(/[^\w.-]+/g, "-")
    .slice(-60)
    .replace(/^[.-]+/, "");
  return toPaths(root, `${slug}-${createHash("sha256").update(url).digest("hex").slice(0, 16)}`);
}

export function toPaths(root: string, name: string): MirrorPaths {
  const directory = join(root, name);
  return {
    name,
    directory,
    repository: join(directory, "repository.git"),
    answers: join(directory, "answers"),
    lock: join(directory, "lock"),
    url: join(directory, "url"),
    used: join(directory, "used"),
    pace: join(directory, "pace"),
    suspect: join(directory, "suspect"),
    tooLarge: join(directory, "too-large"),
  };
}

/** Names of mirrors end with 16 hexadecimal digits. */
export function isMirrorName(name: string): boolean {
  return /-[0-9a-f]{16}$/.test(name) && !name.startsWith(".");
}
