import type { ImagePullCredentials } from "../../core/contracts/job-request.ts";
import { AgentError } from "../../core/errors.ts";
import { decodeBase64 } from "../../core/text/base64.ts";
import { readVariable } from "../read-variable.ts";

/** A login at a registry. */
export interface RegistryLogin {
  /** As in the arguments of `docker login`. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** Credentials of a job's request, decoded (protocol section 6.3). */
export type PullCredentials =
  | ({ readonly kind: "DockerHub" | "GenericDocker" | "GCR" } & RegistryLogin)
  | {
      readonly kind: "AWS_ECR";
      readonly region: string;
      /** Default: the account of the credentials. */
      readonly account: string | undefined;
      /** `undefined`: the role of the instance on which the agent runs. */
      readonly keys: AwsKeys | undefined;
    };

/** Keys with which a request to AWS is signed. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const typeVariable = "DOCKER_CREDENTIAL_TYPE";
const keyFile = "/tmp/gcr/keyfile.json";

const kinds: ReadonlySet<string> = new Set<PullCredentials["kind"]>([
  "DockerHub",
  "GenericDocker",
  "AWS_ECR",
  "GCR",
]);

/** Returns the kind of an entry. Throws `JOB_INVALID` with a string of the protocol. */
export function readPullCredentialKind({ env }: ImagePullCredentials): PullCredentials["kind"] {
  const variable = env.findLast(({ name }) => name === typeVariable);
  if (variable === undefined) throw fault(`Failed to resolve docker login strategy: ${typeVariable} not set`);
  const kind = readVariable(env, typeVariable);
  if (kind === undefined)
    throw fault(`Failed to resolve docker login strategy: ${typeVariable} is no base64`);
  if (!kinds.has(kind)) throw fault(`Unknown Handler for credential type ${kind}`);
  return kind as PullCredentials["kind"];
}

/**
 * Decodes one entry of `image_pull_credentials`. Throws `JOB_INVALID` with a string of the protocol, which
 * contains no value.
 */
export function decodePullCredentials(entry: ImagePullCredentials): PullCredentials {
  const kind = readPullCredentialKind(entry);
  const environment = decodeEnvironment(entry);
  const need = (name: string) => {
    const value = environment[name];
    if (value) return value;
    throw fault(`Failed to determine docker login command: ${name} not set`);
  };
  switch (kind) {
    case "DockerHub":
      return {
        kind,
        server: "https://index.docker.io/v1/",
        username: need("DOCKERHUB_USERNAME"),
        password: need("DOCKERHUB_PASSWORD"),
      };
    case "GenericDocker":
      return {
        kind,
        server: environment["DOCKER_URL"] ?? "",
        username: need("DOCKER_USERNAME"),
        password: need("DOCKER_PASSWORD"),
      };
    case "GCR":
      return {
        kind,
        server: `https://${need("GCR_HOSTNAME")}`,
        username: "_json_key",
        password: readKeyFile(entry),
      };
    case "AWS_ECR": {
      const account = environment["AWS_ACCOUNT_ID"] || undefined;
      if (account !== undefined && !/^\d{12}$/.test(account)) throw invalid("AWS_ACCOUNT_ID", "12 digits");
      const region = need("AWS_REGION");
      if (!/^[a-z0-9-]{1,63}$/.test(region)) throw invalid("AWS_REGION", "a region, such as eu-west-1");
      return { kind, region, account, keys: readKeys(environment, need) };
    }
  }
}

/** No other variable is read: an entry names no file, no address and no program of the agent's host. */
function readKeys(
  environment: Readonly<Record<string, string>>,
  need: (name: string) => string,
): AwsKeys | undefined {
  if (!environment["AWS_ACCESS_KEY_ID"] && !environment["AWS_SECRET_ACCESS_KEY"]) return undefined;
  const sessionToken = environment["AWS_SESSION_TOKEN"];
  return {
    accessKeyId: need("AWS_ACCESS_KEY_ID"),
    secretAccessKey: need("AWS_SECRET_ACCESS_KEY"),
    ...(sessionToken && { sessionToken }),
  };
}

function decodeEnvironment({ env }: ImagePullCredentials): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name }) => {
      const value = readVariable(env, name);
      if (value === undefined) throw fault(`Failed to decode ${name}`);
      return [name, value];
    }),
  );
}

function readKeyFile({ files }: ImagePullCredentials): string {
  const file = files.findLast(({ path }) => path === keyFile) ?? files[0];
  const content = file && decodeBase64(file.content);
  if (file === undefined) throw fault(`Failed to determine docker login command: ${keyFile} not found`);
  if (content === undefined) throw fault(`Failed to decode ${file.path}`);
  return Buffer.from(content).toString();
}

function invalid(name: string, expected: string): AgentError {
  return fault(`Failed to determine docker login command: ${name} is not valid (expected ${expected})`);
}

function fault(message: string): AgentError {
  return new AgentError("JOB_INVALID", message);
}
