import { privateDirectory } from "../containers/spec.ts";

/** Puts bytes where the job's shell can read them. */
export type PutBytes = (path: string, bytes: Uint8Array) => Promise<void>;

/**
 * A file of the job's container that no other user than root and the session's can read: the directory cannot
 * be listed, and the name is random. It gets no owner, because the helper that writes it starts no program
 * and may lack the capability.
 */
export interface SecretFile {
  readonly path: string;
  /** Resolves to the path, as `putCommand` of a session does: the shell learns it from its terminal. */
  write(bytes: Uint8Array): Promise<string>;
}

/**
 * Lends a secret file to `work`, and empties it afterwards, also when `work` fails. It stays as an empty
 * file, because the helper that writes it starts no program that could remove it: a call uses one for all
 * that it writes.
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
    // The first error tells more.
    await clear().catch(() => {});
    throw error;
  }
  await clear();
  return result;
}
