import { privateDirectory } from "../containers/spec.ts";

/** Writes a file of the container that the job's shell can read. */
export type PutBytes = (path: string, bytes: Uint8Array) => Promise<void>;

/**
 * A file of the job's container that only root and the session's user can find: the directory cannot be
 * listed, and the name is random. Its owner is not changed, because the keeper starts no program and may lack
 * the capability.
 */
export interface SecretFile {
  readonly path: string;
  /** Resolves to the path, as `putCommand` of a session does. */
  write(bytes: Uint8Array): Promise<string>;
}

/**
 * Calls `work` with a secret file, and empties the file afterwards, also after a failure. The empty file
 * stays, because the keeper starts no program that could remove it; write several contents to one file.
 */
export async function withSecretFile<T>(put: PutBytes, work: (file: SecretFile) => Promise<T>): Promise<T> {
  const path = `${privateDirectory}/${crypto.randomUUID()}`;
  const clear = () => put(path, new Uint8Array());
  let result: T;
  try {
    result = await work({
      path,
      async write(bytes) {
        await put(path, bytes);
        return path;
      },
    });
  } catch (error) {
    // The error of `work` is more useful.
    await clear().catch(() => {});
    throw error;
  }
  await clear();
  return result;
}
