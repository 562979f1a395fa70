import {
  decodePullCredentials,
  getEcrLogin,
  type ImagePullCredentials,
  type PullCredentials,
} from "signalman";

export interface PullSecretOptions {
  readonly credentials: readonly ImagePullCredentials[];
  /** The agent's environment, which may override addresses of AWS. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Converts a job's registry credentials to the text of a `dockerconfigjson`. */
export async function toDockerConfig(options: PullSecretOptions): Promise<string> {
  const auths: Record<string, object> = {};
  for (const entry of options.credentials) {
    const credentials = decodePullCredentials(entry);
    const { server, username, password } =
      credentials.kind === "AWS_ECR" ? (await getEcrLogin(credentials, options)).login : credentials;
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    auths[toKey(credentials.kind, server)] = { username, password, auth };
  }
  return JSON.stringify({ auths });
}

/**
 * Returns the registry's host as the key (protocol section 6.4). The address of generic credentials is kept.
 */
function toKey(kind: PullCredentials["kind"], server: string): string {
  if (kind === "DockerHub") return "docker.io";
  return kind === "GenericDocker" ? server : server.replace(/^https:\/\//, "");
}
