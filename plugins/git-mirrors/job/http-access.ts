import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toMessage } from "signalman";
import { type HttpLimits, openHttpServer } from "signalman/http";
import { createCertificate } from "./certificate.ts";
import { openDoor } from "./door.ts";
import { createHttpProxy } from "./http-proxy.ts";
import type { Access, AccessOptions, Place } from "./job-mirrors.ts";
import { findReach } from "./reach.ts";
import { readFirst } from "./variables.ts";

/**
 * Opens a proxy for the requests to one repository. git keeps the origin's URL. With https it talks TLS to this
 * process, whose key it knows beforehand; the agent checks the origin's certificate.
 */
export async function openHttpAccess(place: Place, options: AccessOptions): Promise<Access | string> {
  const { origin, host, job } = place;
  const { logger, opened, uses, signal } = options;
  const { protocol, hostname } = new URL(origin.host);
  const isSecure = protocol === "https:";
  const own = [
    readFirst(job, "NO_PROXY"),
    readFirst(job, "no_proxy"),
    process.env["NO_PROXY"],
    process.env["no_proxy"],
  ];
  if (own.some((list) => isExcluded(hostname, list ?? "")))
    return `NO_PROXY has the origin's host "${hostname}"`;
  const fault = await findFault(origin.url, signal);
  if (fault !== undefined) return `this agent does not reach the origin: ${fault}`;

  const directory = await mkdtemp(join(tmpdir(), ".git-mirror-"));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const token: { value?: string } = {};
  const handler = createHttpProxy({
    origin,
    createUpload: place.open,
    uses,
    signal,
    // Each request without a tunnel has the token; a tunnel was opened with it.
    isAllowed: (header) => isSecure || header === token.value,
  });
  const certificate = isSecure ? createCertificate(hostname) : undefined;
  const path = join(directory, "http");
  opened.use(
    await openHttpServer(
      {
        address: { kind: "unix", path },
        option: "git-mirrors",
        limits,
        logger,
        ...(certificate && { tls: { cert: certificate.cert, key: certificate.key } }),
      },
      handler,
    ),
  );
  const enter = async (isTunnel: boolean, target: string): Promise<Socket | undefined> => {
    const wanted = isSecure ? target === origin.host.slice("https://".length) : target.startsWith("http://");
    return wanted && isTunnel === isSecure ? connectTo(path) : undefined;
  };
  const door = opened.use(await openDoor(host, { http: enter }, logger));
  token.value = `Basic ${Buffer.from(`job:${door.token}`).toString("base64")}`;
  return {
    door,
    async toVariables({ capture }) {
      // On loopback the key is enough. A git that is too old for `pinnedPubkey` checks the certificate elsewhere.
      const needed = host === loopback ? undefined : certificate;
      const reach = await findReach(capture, { door, certificate: needed });
      if (typeof reach === "string") return reach;
      if (isExcluded(hostname, reach.noProxy)) return `NO_PROXY has the origin's host "${hostname}"`;
      const { authority } = reach;
      const settings = {
        proxy: `http://job:${door.token}@${door.address}`,
        proxyAuthMethod: "basic",
        ...(certificate && { pinnedPubkey: certificate.pin }),
        ...(certificate && !authority && { sslVerify: "false" }),
        ...(authority && { sslCAInfo: authority.path }),
      };
      const options = Object.entries(settings).map(
        ([name, value]) => `'http.${origin.url}.${name}=${value}'`,
      );
      return {
        GIT_CONFIG_PARAMETERS: [...options, "'protocol.version=2'"].join(" "),
        ...(authority?.isVariable && { GIT_SSL_CAINFO: authority.path }),
      };
    },
  };
}

/** Returns why the origin cannot be reached; whatever it answers is enough. */
async function findFault(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/info/refs?service=git-upload-pack`, {
      headers: { "git-protocol": "version=2", "user-agent": "git/2.0 signalman" },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(probeMs)]),
    });
    await answer.body?.cancel();
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}

/** Whether a list of `NO_PROXY` has a host or one of its domains. */
function isExcluded(host: string, list: string): boolean {
  const names = list.split(/[\s,]+/).map((name) =>
    name
      .replace(/^\*?\./, "")
      .replace(/:\d+$/, "")
      .toLowerCase(),
  );
  return names.some((name) => name === "*" || (name !== "" && (host === name || host.endsWith(`.${name}`))));
}

async function connectTo(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ path }, () => resolve(socket)).once("error", reject);
  return promise;
}

const loopback = "127.0.0.1";
const probeMs = 20_000;
const limits: HttpLimits = {
  connections: 64,
  requestMs: 60_000,
  idleMs: 120_000,
  bodyBytes: 64 * 1024 * 1024,
  headerBytes: 64 * 1024,
};
