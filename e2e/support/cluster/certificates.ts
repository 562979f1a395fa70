import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./command.ts";
import { adminToken, apiServer, cable, directories, files } from "./layout.ts";

const at = (name: string) => path.join(directories.certificates, name);
const days = "3650";

/** Paths of the cluster's keys and certificates. */
export const certificates = {
  ca: at("ca.crt"),
  caKey: at("ca.key"),
  apiServer: at("apiserver.crt"),
  apiServerKey: at("apiserver.key"),
  /** The API server's identity at the kubelet, and a second administrator for tests. */
  admin: at("admin.crt"),
  adminKey: at("admin.key"),
  serviceAccountKey: at("service-account.key"),
  tokens: at("tokens.csv"),
} as const;

/** Makes the certificate authority, what it signs, and the two kubeconfig files, once. */
export async function createCertificates(): Promise<void> {
  if (!existsSync(certificates.tokens)) await createAuthority();
  const hosts = ["IP:127.0.0.1", `IP:${cable.host}`, "DNS:localhost", "DNS:kubernetes"];
  const extensions = `subjectAltName=${[...hosts, "DNS:kubernetes.default.svc"].join(",")}`;
  const known = await readFile(at("apiserver.ext"), "utf8").catch(() => "");
  if (known !== `${extensions}\n`)
    await sign({ name: "apiserver", subject: "/CN=kube-apiserver", extensions });
}

async function createAuthority(): Promise<void> {
  await mkdir(directories.certificates, { recursive: true, mode: 0o700 });
  await run([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    days,
    "-subj",
    "/CN=signalman-cluster",
    "-keyout",
    certificates.caKey,
    "-out",
    certificates.ca,
  ]);
  await sign({
    name: "admin",
    subject: "/O=system:masters/CN=admin",
    extensions: "extendedKeyUsage=clientAuth",
  });
  await run(["openssl", "genrsa", "-out", certificates.serviceAccountKey, "2048"]);
  await writeFile(files.kubeconfig, toKubeconfig({ token: adminToken }), { mode: 0o600 });
  const user = { "client-certificate": certificates.admin, "client-key": certificates.adminKey };
  await writeFile(files.certificateKubeconfig, toKubeconfig(user), { mode: 0o600 });
  await writeFile(certificates.tokens, `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
}

/** A certificate of the cluster's authority. */
export async function sign(options: {
  readonly name: string;
  readonly subject: string;
  readonly extensions: string;
}): Promise<void> {
  const { name, subject, extensions } = options;
  const [key, request, certificate] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.crt`)];
  const extensionFile = at(`${name}.ext`);
  await writeFile(extensionFile, `${extensions}\n`);
  await run([
    "openssl",
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    subject,
    "-keyout",
    key,
    "-out",
    request,
  ]);
  await run([
    "openssl",
    "x509",
    "-req",
    "-in",
    request,
    "-days",
    days,
    "-extfile",
    extensionFile,
    "-CA",
    certificates.ca,
    "-CAkey",
    certificates.caKey,
    "-CAcreateserial",
    "-out",
    certificate,
  ]);
}

/** A certificate of the cluster's authority for a time of its own, in ASN.1 notation: `20200101000000Z`. */
export async function signOutside(options: {
  readonly name: string;
  readonly subject: string;
  readonly extensions: string;
  readonly from: string;
  readonly to: string;
}): Promise<{ readonly key: string; readonly certificate: string }> {
  const { name, from, to } = options;
  await sign(options);
  const directory = at(`${name}.ca`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  const config = path.join(directory, "config");
  const policy = "[any]\ncommonName=supplied\norganizationName=optional\n";
  const files = `database=${directory}/index\nnew_certs_dir=${directory}\nrand_serial=yes\n`;
  await writeFile(config, `[ca]\ndefault_ca=own\n[own]\n${files}default_md=sha256\npolicy=any\n${policy}`);
  await writeFile(path.join(directory, "index"), "");
  await run([
    "openssl",
    "ca",
    "-batch",
    "-notext",
    "-config",
    config,
    "-in",
    at(`${name}.csr`),
    "-cert",
    certificates.ca,
    "-keyfile",
    certificates.caKey,
    "-startdate",
    from,
    "-enddate",
    to,
    "-extfile",
    at(`${name}.ext`),
    "-out",
    at(`${name}.crt`),
  ]);
  return { key: at(`${name}.key`), certificate: at(`${name}.crt`) };
}

/** A kubeconfig for this cluster with one user. JSON is YAML. */
export function toKubeconfig(
  user: object,
  options: { server?: string; serverName?: string; namespace?: string } = {},
): string {
  const { server = apiServer, serverName, namespace = "default" } = options;
  const cluster = {
    server,
    "certificate-authority": certificates.ca,
    ...(serverName !== undefined && { "tls-server-name": serverName }),
  };
  return JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "cluster",
      clusters: [{ name: "cluster", cluster }],
      users: [{ name: "user", user }],
      contexts: [{ name: "cluster", context: { cluster: "cluster", user: "user", namespace } }],
    },
    null,
    2,
  );
}
