/** Encodes text for the wire: UTF-8 in base64, standard alphabet, padded. */
export function encodeBase64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

/**
 * Decodes base64 as strictly as the reference does (Go's `StdEncoding`): standard alphabet, padding required,
 * `\r` and `\n` ignored. `undefined` when the text is not base64.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const digits = /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, "") : text;
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) return undefined;
  return Buffer.from(digits, "base64");
}
