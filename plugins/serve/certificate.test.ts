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

test("what the key of a self-signed certificate signs is trusted for no other host", async () => {
  const path = (name: string) => join(directory.path, name);
  const { cert, key } = createSelfSigned("localhost");
  const certificate = new X509Certificate(cert);
  expect([certificate.ca, certificate.keyUsage]).toEqual([false, ["1.3.6.1.5.5.7.3.1"]]);
  writeFileSync(path("own.crt"), cert);
  writeFileSync(path("own.key"), key);
  writeFileSync(path("names"), "subjectAltName=DNS:evil.example,IP:127.0.0.1");
  const openssl = (...words: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { cwd: directory.path });
    expect([exitCode, exitCode === 0 || stderr.toString()]).toEqual([0, true]);
  };
  openssl(
    ..."req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=evil".split(" "),
    ..."-keyout evil.key -out evil.csr".split(" "),
  );
  openssl(
    ..."x509 -req -in evil.csr -CA own.crt -CAkey own.key -CAcreateserial -days 2".split(" "),
    ..."-extfile names -out evil.crt".split(" "),
  );
  const chain = readFileSync(path("evil.crt"), "utf8") + cert;
  const serve = (served: string, keyFile: string) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: served, key: readFileSync(path(keyFile), "utf8") },
      fetch: () => new Response("trusted"),
    });
  const evil = serve(chain, "evil.key");
  const own = serve(cert, "own.key");
  const ask = (server: { readonly port?: number | undefined }) =>
    fetch(`https://127.0.0.1:${server.port}/`, { tls: { ca: cert } }).then((answer) => answer.text());
  expect(await ask(own)).toBe("trusted");
  await expect(ask(evil)).rejects.toThrow();
  await Promise.all([evil.stop(true), own.stop(true)]);
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
