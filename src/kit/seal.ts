/**
 * Encrypts a text with a key (AES-256-GCM, under a key derived with HKDF), such as an access token on disk
 * with the registration token.
 */
export function seal(text: string, key: string): string {
  const { createCipheriv, randomBytes } = loadCrypto();
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", derive(key, salt), iv);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), body]).toString("base64");
}

/** Decrypts a sealed text; `undefined` when it was sealed with another key or changed. */
export function unseal(sealed: string, key: string): string | undefined {
  const { createDecipheriv } = loadCrypto();
  const bytes = Buffer.from(sealed, "base64");
  try {
    const decipher = createDecipheriv(
      "aes-256-gcm",
      derive(key, bytes.subarray(0, 16)),
      bytes.subarray(16, 28),
    );
    decipher.setAuthTag(bytes.subarray(28, 44));
    return Buffer.concat([decipher.update(bytes.subarray(44)), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

function derive(key: string, salt: Uint8Array): Uint8Array {
  return new Uint8Array(loadCrypto().hkdfSync("sha256", key, salt, "signalman state", 32));
}

/** Loaded when it is used: a registration must not wait for it. */
const loadCrypto = () => process.getBuiltinModule("node:crypto");
