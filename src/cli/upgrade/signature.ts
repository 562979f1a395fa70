// Signatures of OpenSSH (PROTOCOL.sshsig of OpenSSH), which `ssh-keygen -Y sign` makes with an Ed25519 key.

import { createPublicKey, verify } from "node:crypto";
import { AgentError } from "../../core/errors.ts";

/** The purpose of a release's signature: one that was made for something else is refused. */
export const namespace = "signalman-release";

/**
 * Throws `FILE_FAILED` unless `signature` (armored text) is one of `message` by one of the keys, which are lines
 * `ssh-ed25519 <base64>`.
 */
export function assertSigned(message: Uint8Array, signature: string, keys: readonly string[]): void {
  const fault = findFault(message, signature, keys);
  if (fault !== undefined)
    throw new AgentError("FILE_FAILED", `the signature of SHA256SUMS is refused: ${fault}`);
}

function findFault(message: Uint8Array, signature: string, keys: readonly string[]): string | undefined {
  try {
    const { publicKey, purpose, hash, bytes } = parse(signature);
    const known = keys.map((key) => Buffer.from(key.split(" ")[1] ?? "", "base64"));
    if (!known.some((key) => key.equals(publicKey))) return "it is not by a key of Signalman";
    if (purpose !== namespace) return `it was made for "${purpose}", not for "${namespace}"`;
    if (hash !== "sha256" && hash !== "sha512") return `its hash algorithm "${hash}" is not supported`;
    const digest = new Bun.CryptoHasher(hash).update(message).digest();
    const signed = Buffer.concat([magic, ...[purpose, "", hash].map(toField), toField(digest)]);
    return verify(null, signed, toKey(publicKey), bytes)
      ? undefined
      : "the file was changed after it was signed";
  } catch {
    return "it is damaged, or not by an Ed25519 key";
  }
}

const magic = Buffer.from("SSHSIG");

function parse(armored: string) {
  const [, base64 = ""] =
    /-----BEGIN SSH SIGNATURE-----([^-]*)-----END SSH SIGNATURE-----/.exec(armored) ?? [];
  const read = createReader(Buffer.from(base64, "base64"));
  if (!read.bytes(magic.length).equals(magic) || read.number() !== 1)
    throw new Error("not a signature of version 1");
  const publicKey = read.field();
  const purpose = read.field().toString();
  read.field();
  const hash = read.field().toString();
  const inner = createReader(read.field());
  if (inner.field().toString() !== keyType) throw new Error("another type of key");
  return { publicKey, purpose, hash, bytes: inner.field() };
}

const keyType = "ssh-ed25519";

/** A public key as SSH writes it → as OpenSSL reads it (DER). */
function toKey(publicKey: Buffer) {
  const read = createReader(publicKey);
  if (read.field().toString() !== keyType) throw new Error("another type of key");
  const prefix = Buffer.from("302a300506032b6570032100", "hex");
  return createPublicKey({ key: Buffer.concat([prefix, read.field()]), format: "der", type: "spki" });
}

/** Reads fields: a length of four bytes, then so many bytes. Throws when the data is too short. */
function createReader(data: Buffer) {
  let at = 0;
  const bytes = (count: number) => {
    if (at + count > data.length) throw new Error("too short");
    return data.subarray(at, (at += count));
  };
  const number = () => bytes(4).readUInt32BE();
  return { bytes, number, field: () => bytes(number()) };
}

function toField(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
