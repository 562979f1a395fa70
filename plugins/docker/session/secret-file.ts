import { randomUUID } from "node:crypto";
import { privateDirectory } from "../containers/spec.ts";

/** Puts bytes where the job's shell can read them. */
export type PutBytes = (path: string, bytes: Uint8Array) => Promise<void>;

/**
 * A file of the job's container that no other user than root and the session's can read: the directory cannot be listed, and the name is random. It gets
 * no owner, because the helper that writes it starts no program and may lack the capability.
 */
export interface SecretFile {
  readonly path: string;
  /** Resolves to the path, as `putCommand` of a session does: the shell learns it from its terminal. */
  write(bytes: Uint8Array): Promise<string>;
  clear(): Promise<void>;
}

export function createSecretFile(put: PutBytes): SecretFile {
  const path = `${privateDirectory}/${randomUUID()}`;
  return {
    path,
    async write(bytes) {
      await put(path, bytes);
      return path;
    },
    clear: () => put(path, new Uint8Array()),
  };
}
