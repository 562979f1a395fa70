import { expect, test } from "bun:test";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { loadCertificate } from "./certificate.ts";
import { createCertificateFiles } from "./testing/certificate.ts";

test("certificate and key are read from the files of the options", async () => {
  await using directory = await tmpdir();
  const certificate = createCertificateFiles(directory.path);
  const [certPath, keyPath] = ["server.crt", "server.key"].map((name) => join(directory.path, name));
  expect(loadCertificate({ certPath: certPath!, keyPath: keyPath! })).toEqual(certificate);
});

test("a missing file is named with its option and a remedy", async () => {
  await using directory = await tmpdir();
  createCertificateFiles(directory.path);
  const certPath = join(directory.path, "server.crt");
  expect(() => loadCertificate({ certPath: `${certPath}x`, keyPath: "" })).toThrow(
    /server\.crtx" cannot be read: .*--tls-cert-path.*docs\/hosted\.md/,
  );
  expect(() => loadCertificate({ certPath, keyPath: `${certPath}x` })).toThrow(
    /server\.crtx" cannot be read: .*--tls-key-path/,
  );
});
