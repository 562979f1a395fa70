import type { ImagePullCredentials } from "signalman";
import { decodeCredentials, type RegistryLogin } from "./credentials.ts";
import { getEcrLogin } from "./ecr.ts";

export interface PullSecretOptions {
  readonly credentials: readonly ImagePullCredentials[];
  /** The environment of a job's processes on the agent's host, in which the AWS CLI runs. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A job's credentials for registries as the text of a `dockerconfigjson`. */
export async function toDockerConfig(options: PullSecretOptions): Promise<string> {
  const auths: Record<string, object> = {};
  for (const entry of options.credentials) {
    const credentials = decodeCredentials(entry);
    const { server, username, password }: RegistryLogin =
      credentials.kind === "AWS_ECR" ? await getEcrLogin(credentials, options) : credentials;
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    auths[server] = { username, password, auth };
  }
  return JSON.stringify({ auths });
}
