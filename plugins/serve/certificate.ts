import { AgentError, toMessage } from "signalman";
import { readHostFile } from "signalman/host";

/** A certificate, followed by its chain, and its key. Both are PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificatePaths {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Reads the certificate. Throws `FILE_FAILED` with the option that names a missing file. */
export function loadCertificate({ certPath, keyPath }: CertificatePaths): Certificate {
  return { cert: read(certPath, "--tls-cert-path"), key: read(keyPath, "--tls-key-path") };
}

function read(path: string, option: string): string {
  try {
    return readHostFile(path).toString();
  } catch (cause) {
    const remedy = `name an existing file with ${option}, or create one for a trial with openssl (docs/hosted.md)`;
    throw new AgentError("FILE_FAILED", `file "${path}" cannot be read: ${toMessage(cause)}; ${remedy}`, {
      cause,
    });
  }
}
