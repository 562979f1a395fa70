// Signatures by OpenSSH (`ssh-keygen -Y`), which every system with an SSH client can verify.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { namespace } from "../../src/cli/upgrade/signature.ts";
import { run } from "./run.ts";

/** The keys of a release. */
export interface ReleaseKeys {
  /** File of the private key; left out: nothing is signed. */
  readonly privateKey?: string;
  /** Lines `<type> <base64>`: the key of this release, and the next one, so that keys can be exchanged. */
  readonly publicKeys: readonly string[];
}

/**
 * Reads the keys from `SIGNALMAN_SIGNING_KEY` (the file of a private key without a passphrase, or one that
 * `ssh-agent` holds) and `SIGNALMAN_NEXT_PUBLIC_KEY` (the file of the public key that later releases use).
 */
export async function readKeys(env: Readonly<Record<string, string | undefined>>): Promise<ReleaseKeys> {
  const { SIGNALMAN_SIGNING_KEY: signing, SIGNALMAN_NEXT_PUBLIC_KEY: next } = env;
  const following = next ? [toKey(await readFile(next, "utf8"), next)] : [];
  if (!signing) return { publicKeys: following };
  const own = toKey(run(["ssh-keygen", "-y", "-f", signing]), signing);
  return { privateKey: signing, publicKeys: [own, ...following] };
}

/** Returns type and base64 of a public key, without its comment. Throws with the name of the file. */
function toKey(text: string, file: string): string {
  const [, key] = /^(ssh-ed25519 AAAA[A-Za-z0-9+/=]+)(?: .*)?$/.exec(text.trim()) ?? [];
  if (key === undefined) throw new Error(`"${file}" is no Ed25519 key: ssh-keygen -t ed25519 makes one`);
  return key;
}

/** Signs a file: writes `<file>.sig`. */
export function sign(file: string, privateKey: string): void {
  run(["ssh-keygen", "-Y", "sign", "-q", "-f", privateKey, "-n", namespace, file]);
}

/** Returns lines for `ssh-keygen -Y verify` (allowed_signers). */
export function toAllowedSigners(publicKeys: readonly string[]): string {
  return publicKeys.map((key) => `signalman namespaces="${namespace}" ${key}\n`).join("");
}

/** Throws when `<file>.sig` is no signature of the file by one of the keys. */
export async function verify(file: string, publicKeys: readonly string[]): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-verify-"));
  try {
    const signers = path.join(directory, "allowed_signers");
    await writeFile(signers, toAllowedSigners(publicKeys));
    const arguments_ = ["-f", signers, "-I", "signalman", "-n", namespace, "-s", `${file}.sig`];
    run(["ssh-keygen", "-Y", "verify", "-q", ...arguments_], { stdin: await readFile(file) });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
