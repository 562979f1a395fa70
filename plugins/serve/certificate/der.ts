/** Encodings of ASN.1 values in DER (ITU-T X.690), as far as a certificate needs them. */

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(0x30, Buffer.concat(parts));
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return encode(0x31, Buffer.concat(parts));
}

/** A non-negative integer, given as big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  return encode(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return encode(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(toBase128)]));
}

export function utf8(text: string): Buffer {
  return encode(0x0c, Buffer.from(text, "utf8"));
}

/** A time until the year 2049, to the second. */
export function utcTime(time: Date): Buffer {
  return encode(
    0x17,
    Buffer.from(
      time
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .slice(2),
      "ascii",
    ),
  );
}

export function boolean(value: boolean): Buffer {
  return encode(0x01, Buffer.of(value ? 0xff : 0));
}

export function octets(bytes: Uint8Array): Buffer {
  return encode(0x04, bytes);
}

/** `unused`: number of bits at the end that do not count. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return encode(0x03, Buffer.concat([Buffer.of(unused), bytes]));
}

/** A value under a context-specific tag. `constructed`: it consists of other values. */
export function tagged(tag: number, bytes: Uint8Array, { constructed = false } = {}): Buffer {
  return encode((constructed ? 0xa0 : 0x80) | tag, bytes);
}

function encode(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, ...toLength(content.length)]), content]);
}

function toLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

function toBase128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}
