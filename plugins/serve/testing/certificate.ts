import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Certificate } from "../certificate.ts";

/** Creates `server.crt` and `server.key` for localhost and 127.0.0.1 in a directory. */
export function createCertificateFiles(directory: string): Certificate {
  const args = [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
    ..."-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout server.key -out server.crt".split(" "),
  ];
  const { success, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: directory, stderr: "pipe" });
  if (!success) throw new Error(stderr.toString());
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  return { cert: read("server.crt"), key: read("server.key") };
}

export function createCertificate(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "signalman-certificate-"));
  try {
    return createCertificateFiles(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
