import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { needCommand } from "./packages.ts";

/** Directories with `ca.pem`, `cert.pem` and `key.pem`, as the `docker` command wants them. */
export interface Certificates {
  readonly server: string;
  readonly client: string;
  /** Signed by another authority; its `ca.pem` is the server's. */
  readonly stranger: string;
}

/** Makes two authorities, and what they sign for `names`: `IP:127.0.0.1`. */
export async function createCertificates(directory: string, names: string): Promise<Certificates> {
  await needCommand("openssl", "openssl");
  const [own, other] = ["authority", "other-authority"].map((name) => path.join(directory, name));
  for (const authority of [own!, other!]) {
    await mkdir(authority, { recursive: true });
    const files = ["-keyout", `${authority}/ca-key.pem`, "-out", `${authority}/ca.pem`];
    await openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "30",
      "-subj",
      "/CN=test",
      ...files,
    );
  }
  const sign = async (name: string, authority: string, extensions: string) => {
    const target = path.join(directory, name);
    await mkdir(target);
    const at = (file: string) => path.join(target, file);
    await Bun.write(at("extensions"), `${extensions}\n`);
    const request = ["-keyout", at("key.pem"), "-out", at("request.pem")];
    await openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, ...request);
    const by = ["-CA", `${authority}/ca.pem`, "-CAkey", `${authority}/ca-key.pem`, "-CAcreateserial"];
    const signed = ["-extfile", at("extensions"), "-out", at("signed.pem")];
    await openssl("x509", "-req", "-in", at("request.pem"), "-days", "30", ...by, ...signed);
    await rename(at("signed.pem"), at("cert.pem"));
    await Bun.write(at("ca.pem"), Bun.file(`${own}/ca.pem`));
    return target;
  };
  const client = "extendedKeyUsage=clientAuth";
  return {
    server: await sign("server", own!, `subjectAltName=${names}\nextendedKeyUsage=serverAuth`),
    client: await sign("client", own!, client),
    stranger: await sign("stranger", other!, client),
  };
}

async function openssl(...words: readonly string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...words], { stdio: ["ignore", "ignore", "pipe"] });
  const [said, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`"openssl ${words[0]}" failed: ${said.trim()}`);
}
