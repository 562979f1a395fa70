import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import {
  bits,
  boolean,
  integer,
  objectIdentifier,
  octets,
  sequence,
  set,
  tagged,
  utcTime,
  utf8,
} from "./der.ts";

/** A certificate, followed by its chain, and its key. Both are PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Creates a certificate (X.509 v3, ECDSA P-256) for `localhost`, the loopback addresses and `host`, valid for
 * a year.
 */
export function createSelfSigned(host: string, now = new Date()): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(objectIdentifier(oid.commonName), utf8("signalman (self-signed)"))));
  const algorithm = sequence(objectIdentifier(oid.ecdsaWithSha256));
  const serial = randomBytes(16);
  serial[0]! &= 0x7f;
  serial[0]! |= 0x40;
  const body = sequence(
    tagged(0, integer(Buffer.of(2)), { constructed: true }),
    integer(serial),
    algorithm,
    name,
    sequence(utcTime(new Date(now.getTime() - hourMs)), utcTime(new Date(now.getTime() + yearMs))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(3, sequence(basicConstraints(), keyUsage(), extendedKeyUsage(), subjectAltName(host)), {
      constructed: true,
    }),
  );
  const signature = sign("sha256", body, privateKey);
  return {
    cert: toPem("CERTIFICATE", sequence(body, algorithm, bits(signature))),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const oid = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  subjectAltName: "2.5.29.17",
} as const;

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;

/** A client that trusts this certificate trusts it for its own names only: it can issue no other. */
function basicConstraints(): Buffer {
  return critical(oid.basicConstraints, sequence());
}

/** The bit `digitalSignature`: the first, with 7 unused bits after it. */
function keyUsage(): Buffer {
  return critical(oid.keyUsage, bits(Buffer.of(0x80), 7));
}

function extendedKeyUsage(): Buffer {
  return critical(oid.extendedKeyUsage, sequence(objectIdentifier(oid.serverAuth)));
}

function critical(id: string, value: Uint8Array): Buffer {
  return sequence(objectIdentifier(id), boolean(true), octets(value));
}

function subjectAltName(host: string): Buffer {
  const names = new Set(["localhost", "127.0.0.1", "::1", host].filter((name) => !isUnspecified(name)));
  return sequence(objectIdentifier(oid.subjectAltName), octets(sequence(...[...names].map(toGeneralName))));
}

function isUnspecified(name: string): boolean {
  return name === "" || name === "0.0.0.0" || name === "::";
}

function toGeneralName(name: string): Buffer {
  if (isIP(name) === 4) return tagged(7, Buffer.from(name.split(".").map(Number)));
  if (isIP(name) === 6) return tagged(7, toIpv6Bytes(name));
  return tagged(2, Buffer.from(name, "ascii"));
}

function toIpv6Bytes(address: string): Buffer {
  // The URL parser writes an address in hexadecimal groups only.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const toGroups = (part: string | undefined) =>
    part ? part.split(":").map((group) => Number.parseInt(group, 16)) : [];
  const before = toGroups(head);
  const after = toGroups(tail);
  const groups = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
