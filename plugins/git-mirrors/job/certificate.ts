import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** A certificate of this process for one origin's name or address, which git accepts by its key alone. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** For `http.pinnedPubkey`. */
  readonly pin: string;
}

/** Creates a certificate that is valid for two days. */
export function createCertificate(host: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const name = sequence(
    element(0x31, sequence(commonName, element(0x0c, Buffer.from("signalman git mirror")))),
  );
  const time = (ms: number): Buffer => {
    const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
    return element(0x18, Buffer.from(digits));
  };
  const names = element(0x04, sequence(isIPv4(host) ? toAddress(host) : element(0x82, Buffer.from(host))));
  const signed = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ecdsaWithSha256,
    name,
    sequence(time(Date.now() - 86_400_000), time(Date.now() + 2 * 86_400_000)),
    name,
    spki,
    element(0xa3, sequence(sequence(subjectAltName, names))),
  );
  const signature = sign("sha256", signed, privateKey);
  const der = sequence(signed, ecdsaWithSha256, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const body = der
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    pin: `sha256//${createHash("sha256").update(spki).digest("base64")}`,
  };
}

/** An element of DER: tag, length, content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : [0x82, Math.floor(length / 0x100), length % 0x100];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function toAddress(host: string): Buffer {
  return element(0x87, Buffer.from(host.split(".").map(Number)));
}

const identifier = (...bytes: readonly number[]): Buffer => element(0x06, Buffer.from(bytes));
const commonName = identifier(0x55, 0x04, 0x03);
const subjectAltName = identifier(0x55, 0x1d, 0x11);
const ecdsaWithSha256 = sequence(identifier(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
