import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { AgentError, toMessage } from "signalman";

/** Credentials and connection settings of one request to the API server. */
export interface Authorization {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Bun.TLSOptions & { readonly serverName?: string };
  /** URL of a proxy. */
  readonly proxy?: string;
}

/** The address of the API server and the agent's credentials. */
export interface Connection {
  /** URL without a trailing slash. */
  readonly server: string;
  /** Namespace of the jobs (protocol section 6.4). */
  readonly namespace: string;
  /** Whether the agent itself runs in this cluster. */
  readonly isInCluster: boolean;
  /**
   * Resolves to the credentials of the next request. Token files are read again, and exec plugins run when
   * their token has expired.
   */
  authorize(): Promise<Authorization>;
}

type Env = Readonly<Record<string, string | undefined>>;

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Loads the connection from the service account of the agent's pod, the files of `KUBECONFIG`, or
 * `~/.kube/config`. Throws `CONFIG_INVALID`. `onFallback` receives a line when the agent has no service
 * account.
 */
export async function loadConnection(
  env: Env,
  onFallback: (line: string) => void = () => {},
): Promise<Connection> {
  const isInCluster = hasServiceAccount(env);
  const source = env["KUBECONFIG"] || "~/.kube/config";
  if (!isInCluster) onFallback(`No in-cluster configuration found - using ${source}...`);
  try {
    // Imports only the module that reads configurations: the whole package is a hundred times as large.
    const [{ KubeConfig }, kubeconfig, { hideSecrets }] = await Promise.all([
      import("@kubernetes/client-node/dist/config.js"),
      import("./kubeconfig.ts"),
      import("./exec-environment.ts"),
    ]);
    if (isInCluster) {
      const config = new KubeConfig();
      config.loadFromCluster();
      return toConnection(config, { env, isInCluster, assertReadable: () => {} });
    }
    const [config, ...others] = listFiles(env).map((file) => {
      const loaded = new KubeConfig();
      kubeconfig.loadKubeconfig(loaded, file);
      return loaded;
    });
    if (config === undefined) throw new Error("file not found");
    for (const other of others) config.mergeConfig(other);
    hideSecrets(config);
    if (config.getCurrentCluster() === null) throw new Error("its current context names no cluster");
    return toConnection(config, { env, isInCluster, assertReadable: kubeconfig.assertReadable });
  } catch (cause) {
    const place = isInCluster ? serviceAccount : source;
    throw new AgentError(
      "CONFIG_INVALID",
      `the Kubernetes configuration in "${place}" cannot be used: ${toMessage(cause)}; set KUBECONFIG to a working configuration, or run the agent in the cluster with a service account`,
      { cause },
    );
  }
}

/**
 * Lists the files of `KUBECONFIG`, as kubectl does: several are merged, and those that do not exist are
 * ignored.
 */
function listFiles(env: Env): string[] {
  const listed = env["KUBECONFIG"]?.split(delimiter).filter((file) => file !== "") ?? [];
  const files = listed.length > 0 ? listed : [join(env["HOME"] || homedir(), ".kube", "config")];
  return files.filter((file) => existsSync(file));
}

function hasServiceAccount(env: Env): boolean {
  return !!env["KUBERNETES_SERVICE_HOST"] && existsSync(`${serviceAccount}/token`);
}

interface ConnectionOptions {
  readonly env: Env;
  readonly isInCluster: boolean;
  /** Throws when a file of the configuration is missing, or reading it could block. */
  readonly assertReadable: (config: KubeConfig) => void;
}

function toConnection(config: KubeConfig, options: ConnectionOptions): Connection {
  const cluster = config.getCurrentCluster();
  const server = cluster?.server.replace(/\/+$/, "") ?? "";
  if (!/^https?:\/\//.test(server)) throw new Error(`"${server}" is not the URL of an API server`);
  const proxy = cluster?.proxyUrl;
  return {
    server,
    namespace: options.env["KUBERNETES_NAMESPACE"] || "default",
    isInCluster: options.isInCluster,
    async authorize() {
      options.assertReadable(config);
      const request: RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(request);
      return {
        headers: toHeaders(request),
        tls: toTls(request),
        ...(proxy !== undefined && { proxy }),
      };
    },
  };
}

function toHeaders({ headers, auth }: RequestOptions): Record<string, string> {
  const entries = Object.entries((headers ?? {}) as Record<string, unknown>);
  const named = Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
  return auth ? { ...named, Authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : named;
}

function toTls(request: RequestOptions): Authorization["tls"] {
  const { ca, cert, key, passphrase, rejectUnauthorized, servername } = request;
  return {
    ...(ca && { ca: ca as Buffer }),
    ...(cert && { cert: cert as Buffer }),
    ...(key && { key: key as Buffer }),
    ...(passphrase !== undefined && { passphrase }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(servername !== undefined && { serverName: servername }),
  };
}

/** Returns the namespace of the agent's own pod. */
export function ownNamespace(): string | undefined {
  const file = `${serviceAccount}/namespace`;
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}
