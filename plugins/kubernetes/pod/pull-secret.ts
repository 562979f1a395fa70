import {
  decodePullCredentials,
  getEcrLogin,
  type ImagePullCredentials,
  type PullCredentials,
} from "signalman";

export interface PullSecretOptions {
  readonly credentials: readonly ImagePullCredentials[];
  /** The agent's environment, which may replace addresses of AWS. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A job's credentials for registries as the text of a `dockerconfigjson`. */
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

/** Keys are hosts (protocol section 6.4), except that the job's own address of a registry is used as it is. */
function toKey(kind: PullCredentials["kind"], server: string): string {
  if (kind === "DockerHub") return "docker.io";
  return kind === "GenericDocker" ? server : server.replace(/^https:\/\//, "");
}
