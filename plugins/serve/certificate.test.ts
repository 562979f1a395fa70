import { afterAll, beforeAll, expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { loadCertificate, loadOrCreateCertificate } from "./certificate/certificate.ts";
import { createSelfSigned } from "./certificate/self-signed.ts";

let directory: Awaited<ReturnType<typeof tmpdir>>;
beforeAll(async () => void (directory = await tmpdir()));
afterAll(() => directory[Symbol.asyncDispose]());
const toPaths = (name: string) => ({
  certPath: join(directory.path, name, "server.crt"),
  keyPath: join(directory.path, name, "server.key"),
});

test("a self-signed certificate is valid for a year, for its host and the loopback addresses", () => {
  const now = new Date("2026-05-04T03:02:01Z");
  const { cert, key } = createSelfSigned("ci-7.example.com", now);
  const certificate = new X509Certificate(cert);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(new Date(certificate.validFrom).toISOString()).toBe("2026-05-04T02:02:01.000Z");
  expect(new Date(certificate.validTo).toISOString()).toBe("2027-05-04T03:02:01.000Z");
  for (const name of ["ci-7.example.com", "localhost"]) expect(certificate.checkHost(name)).toBe(name);
  for (const address of ["127.0.0.1", "::1"]) expect(certificate.checkIP(address)).toBe(address);
});

test.each(["10.1.2.3", "fe80::12:3", "2001:db8::1"])("a self-signed certificate may be for %s", (address) => {
  const certificate = new X509Certificate(createSelfSigned(address).cert);
  expect(certificate.checkIP(address)).toBe(address);
});

test.each(["0.0.0.0", "::"])("a self-signed certificate does not name the address %s", (address) => {
  expect(new X509Certificate(createSelfSigned(address).cert).checkIP(address)).toBeUndefined();
});

test("a certificate is created once, with a key that only its owner can read", () => {
  const paths = toPaths("new");
  const created = loadOrCreateCertificate(paths, "localhost");
  expect(statSync(paths.keyPath).mode & 0o777).toBe(0o600);
  expect(loadOrCreateCertificate(paths, "localhost")).toEqual(created);
  expect(loadCertificate(paths)).toEqual(created);
});

test("a file that exists is never replaced", () => {
  const paths = toPaths("new");
  const half = { ...paths, certPath: join(directory.path, "real.crt") };
  writeFileSync(half.certPath, "a real certificate");
  expect(() =>
    loadOrCreateCertificate({ ...half, keyPath: join(directory.path, "missing.key") }, "x"),
  ).toThrow("cannot be created");
  expect(readFileSync(half.certPath, "utf8")).toBe("a real certificate");
});

test("a missing file is named with its option and a remedy", () => {
  expect(() => loadCertificate(toPaths("missing"))).toThrow(
    /server\.crt" cannot be read: .*--tls-cert-path.*--self-signed/,
  );
});
