import { expect, test } from "bun:test";
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { certificates, signOutside, toKubeconfig } from "../support/cluster/certificates.ts";
import { adminToken, apiServer } from "../support/cluster/layout.ts";
import { images } from "../support/cluster/images.ts";
import { createTester } from "../support/fixtures.ts";
import { outline, outputOf, runForEvents } from "../support/jobs.ts";
import { createNamespace } from "./namespaces.ts";

const past = { from: "20200101000000Z", to: "20210101000000Z" };
const future = { from: "20900101000000Z", to: "20910101000000Z" };

/** Runs a job with this kubeconfig and returns the block of its log that shows why it has failed. */
async function failWith(kubeconfig: string): Promise<string> {
  await using namespace = await createNamespace();
  await using tester = await createTester();
  const file = await tester.write("kubeconfig", kubeconfig);
  const args = ["--executor", "kubernetes", "--kubernetes-default-image", images.debian];
  const env = { ...namespace.env, KUBECONFIG: file };
  const { events } = await runForEvents(tester, { commands: ["true"] }, args, { env });
  expect(outline(events).at(-1)).toBe("end failed");
  await namespace.emptied();
  return outputOf(events, "Creating Kubernetes resources for job...");
}

/** A kubeconfig with a client certificate of the cluster's authority. */
async function withCertificate(name: string, validity: { from: string; to: string }): Promise<string> {
  const subject = "/O=system:masters/CN=admin";
  const pair = await signOutside({ name, subject, extensions: "extendedKeyUsage=clientAuth", ...validity });
  return toKubeconfig({ "client-certificate": pair.certificate, "client-key": pair.key });
}

/** A token of the default service account whose claims are changed and signed again with the cluster's key. */
async function withToken(claims: Readonly<Record<string, number>>): Promise<string> {
  await using namespace = await createNamespace();
  const [header = "", payload = ""] = (await namespace.kubectl(["create", "token", "default"]))
    .trim()
    .split(".");
  const changed = { ...(JSON.parse(Buffer.from(payload, "base64url").toString()) as object), ...claims };
  const text = `${header}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
  const key = createPrivateKey(readFileSync(certificates.serviceAccountKey));
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

/** Serves nothing, with a server certificate of the cluster's authority. */
async function serverWith(name: string, validity: { from: string; to: string }) {
  const extensions = "subjectAltName=IP:127.0.0.1";
  const pair = await signOutside({ name, subject: "/CN=kube-apiserver", extensions, ...validity });
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: Bun.file(pair.certificate), key: Bun.file(pair.key) },
    fetch: () => new Response("{}", { status: 404 }),
  });
}

test("an expired client certificate is named with its date and the remedy", async () => {
  const text = await failWith(await withCertificate("expired-client", past));
  expect(text).toContain("the agent's client certificate expired at 2021-01-01T00:00:00.000Z; renew it");
}, 120_000);

test("a client certificate of the future is named, and the clock", async () => {
  const text = await failWith(await withCertificate("future-client", future));
  expect(text).toContain(
    "the agent's client certificate is not valid before 2090-01-01T00:00:00.000Z; correct the clock",
  );
}, 120_000);

test.each([
  [
    "an expired token",
    { nbf: 1_500_000_000, iat: 1_500_000_000, exp: 1_600_000_000 },
    "expired at 2020-09-13",
  ],
  [
    "a token of an issuer whose clock is ahead",
    { nbf: 4_000_000_000, iat: 4_000_000_000, exp: 4_100_000_000 },
    "is not valid before 2096-10-02",
  ],
])(
  "%s is named with its date",
  async (_, claims, text) => {
    const shown = await failWith(toKubeconfig({ token: await withToken(claims) }));
    expect(shown).toContain("Unauthorized");
    expect(shown).toContain(text);
  },
  120_000,
);

test("a token that is signed anew without a change is accepted: the claims are what is refused", async () => {
  const response = await fetch(`${apiServer}/version`, {
    headers: { authorization: `Bearer ${await withToken({})}` },
    tls: { ca: Bun.file(certificates.ca) },
  });
  expect(response.status).toBe(200);
}, 120_000);

test.each([
  [
    "expired",
    past,
    "certificate has expired; renew the server's certificate, or correct the clock of this host",
  ],
  ["from the future", future, "certificate is not yet valid; correct the clock of this host"],
])(
  "an API server whose certificate is %s fails the job at once",
  async (_, validity, text) => {
    await using server = await serverWith(`server-${validity.from}`, validity);
    const config = toKubeconfig({ token: adminToken }, { server: `https://127.0.0.1:${server.port}` });
    expect(await failWith(config)).toContain(text);
  },
  120_000,
);

test("an API server of another authority fails the job at once, and the log names the setting", async () => {
  const config = JSON.parse(toKubeconfig({ token: adminToken })) as {
    clusters: { cluster: Record<string, string> }[];
  };
  config.clusters[0]!.cluster["certificate-authority"] = certificates.admin;
  expect(await failWith(JSON.stringify(config))).toContain("set certificate-authority in the kubeconfig");
}, 120_000);
