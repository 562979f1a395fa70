import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readHostFile } from "signalman/host";

/** What a cache keeps from one process of the agent to the next. */
export interface Identity {
  /** 32 bytes, from which access keys follow. */
  readonly secret: Buffer;
  /** The port of the process before; 0 at first. */
  readonly port: number;
  /** Saves the secret with the port of this process. */
  save(port: number): void;
}

/** Reads the identity, or creates it when the file is missing or damaged. */
export function keepIdentity(path: string): Identity {
  const { secret, port } = read(path) ?? { secret: randomBytes(secretBytes), port: 0 };
  return {
    secret,
    port,
    save(next) {
      const temporary = `${path}.new`;
      const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
      rmSync(temporary, { recursive: true, force: true });
      const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        writeFileSync(fd, JSON.stringify({ version: 1, secret: secret.toString("base64"), port: next }));
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, path);
    },
  };
}

function read(path: string): Pick<Identity, "secret" | "port"> | undefined {
  try {
    const { version, secret, port } = Object(JSON.parse(readHostFile(path).toString())) as Record<
      string,
      unknown
    >;
    const bytes = Buffer.from(String(secret), "base64");
    const isValid = version === 1 && bytes.length === secretBytes && Number.isInteger(port);
    return isValid && Number(port) >= 0 && Number(port) <= 65_535
      ? { secret: bytes, port: Number(port) }
      : undefined;
  } catch {
    return undefined;
  }
}

const secretBytes = 32;
