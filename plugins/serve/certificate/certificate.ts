import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError, readHostFile, toMessage } from "signalman";
import { type Certificate, createSelfSigned } from "./self-signed.ts";

export interface CertificatePaths {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Reads the certificate. Throws `FILE_FAILED` with the option that names a missing file. */
export function loadCertificate({ certPath, keyPath }: CertificatePaths): Certificate {
  return { cert: read(certPath, "--tls-cert-path"), key: read(keyPath, "--tls-key-path") };
}

/**
 * Creates a self-signed certificate for `localhost` and `host` in the two files, unless they exist, and reads
 * it. The key is readable by its owner only.
 */
export function loadOrCreateCertificate(paths: CertificatePaths, host: string): Certificate {
  const { certPath, keyPath } = paths;
  if (existsSync(certPath) && existsSync(keyPath)) return loadCertificate(paths);
  const { cert, key } = createSelfSigned(host);
  write(keyPath, key, 0o600);
  write(certPath, cert, 0o644);
  return { cert, key };
}

function read(path: string, option: string): string {
  try {
    return readHostFile(path).toString();
  } catch (cause) {
    const remedy = `name an existing file with ${option}, or create one for a trial with --self-signed`;
    throw new AgentError("FILE_FAILED", `file "${path}" cannot be read: ${toMessage(cause)}; ${remedy}`, {
      cause,
    });
  }
}

/** Never replaces a file, which may belong to a real certificate. */
function write(path: string, text: string, mode: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode, flag: "wx" });
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `certificate file "${path}" cannot be created: ${toMessage(cause)}`, {
      cause,
    });
  }
}
