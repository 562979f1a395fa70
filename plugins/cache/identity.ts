import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readHostFile } from "signalman/host";

/** What a cache keeps from one process of the agent to the next, and what the processes of jobs know of it. */
export interface Identity {
  /** 32 bytes, from which access keys follow. */
  readonly secret: Buffer;
  /** The server for processes of this host: `http://127.0.0.1:PORT`. Empty before the first one. */
  readonly url: string;
  /** The server that the jobs of an executor reach, by the executor's name. */
  readonly urls: Readonly<Record<string, string>>;
}

export function toIdentityPath(stateDirectory: string): string {
  return join(stateDirectory, "cache.json");
}

export function createIdentity(): Identity {
  return { secret: randomBytes(secretBytes), url: "", urls: {} };
}

/** Reads the identity; `undefined` when the file is missing, damaged, or not readable for this user. */
export function readIdentity(path: string): Identity | undefined {
  try {
    const { version, secret, url, urls } = Object(JSON.parse(readHostFile(path).toString())) as Fields;
    const bytes = Buffer.from(String(secret), "base64");
    const texts = [url, ...Object.values(Object(urls) as object)];
    const isValid = version === 1 && bytes.length === secretBytes && texts.every((text) => isUrl(text));
    return isValid
      ? { secret: bytes, url: url as string, urls: { ...(urls as Identity["urls"]) } }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces the file, which only this user can read. */
export function saveIdentity(path: string, { secret, url, urls }: Identity): void {
  const temporary = `${path}.new`;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  rmSync(temporary, { recursive: true, force: true });
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeFileSync(fd, JSON.stringify({ version: 1, secret: secret.toString("base64"), url, urls }));
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

type Fields = Readonly<Record<"version" | "secret" | "url" | "urls", unknown>>;

function isUrl(text: unknown): boolean {
  return typeof text === "string" && URL.canParse(text);
}

const secretBytes = 32;
