import {
  type AddedVariable,
  decodeBase64,
  type EnvironmentVariable,
  type JobFile,
  type JobRequest,
  matchNames,
} from "signalman";
import { findPrivateKeys } from "./private-keys.ts";

export interface SecretsOptions {
  /** Patterns of names: `*` and `?`, in any case. Empty: only the agent's own tokens are masked. */
  readonly redactedVars: readonly string[];
  /** Tokens of the agent itself, besides those in the request. */
  readonly tokens?: readonly string[];
}

/**
 * Lists the values that a job's log must not show: of variables with matching names (the job's, its
 * containers'), image-pull credentials, private keys wherever they are, the agent's tokens. Values that are
 * not base64 are left out.
 */
export function secretsOf(job: JobRequest, options: SecretsOptions): Uint8Array[] {
  const tokens = [job.logger.token, job.callbacks.token, ...(options.tokens ?? [])].map((token) =>
    Buffer.from(token),
  );
  if (options.redactedVars.length === 0) return tokens;
  const isSecret = matchNames(options.redactedVars);
  const { containers, imagePullCredentials } = job;
  const env = decode([...job.env, ...containers.flatMap((container) => container.env)]);
  const files = decodeFiles([...job.files, ...containers.flatMap((container) => container.files)]);
  const pullEnv = decode(imagePullCredentials.flatMap((credentials) => credentials.env));
  const pullFiles = decodeFiles(imagePullCredentials.flatMap((credentials) => credentials.files));
  return [
    ...tokens,
    ...env.filter(({ name }) => isSecret(name)).map(({ bytes }) => bytes),
    ...pullEnv.filter(({ name }) => !publicPullNames.has(name)).map(({ bytes }) => bytes),
    ...pullFiles,
    ...[...env.map(({ bytes }) => bytes), ...files, ...pullFiles].flatMap(privateKeysIn),
  ];
}

/** Returns a function that lists the values of a variable that a plugin sets which a log must not show. */
export function createVariableSecrets(
  redactedVars: readonly string[],
): (variable: AddedVariable) => readonly Uint8Array[] {
  const isSecretName = matchNames(redactedVars);
  return ({ name, value, isSecret }) => {
    const bytes = Buffer.from(value);
    if (isSecret || isSecretName(name)) return [bytes];
    return redactedVars.length === 0 ? [] : privateKeysIn(bytes);
  };
}

/**
 * Names in image-pull credentials whose values are public: they are part of image names and login lines
 * (protocol section 6.3).
 */
const publicPullNames = new Set([
  "DOCKER_CREDENTIAL_TYPE",
  "DOCKERHUB_USERNAME",
  "DOCKER_USERNAME",
  "DOCKER_URL",
  "AWS_REGION",
  "AWS_ACCOUNT_ID",
  "GCR_HOSTNAME",
]);

/** Finds the private keys in a file, also where line ends are written as `\n`, as in JSON. */
function privateKeysIn(bytes: Uint8Array): Uint8Array[] {
  const keys = findPrivateKeys(Buffer.from(bytes).toString("latin1"));
  const plain = keys.map((key) => key.replaceAll("\\n", "\n"));
  return [...keys, ...plain].map((key) => Buffer.from(key, "latin1"));
}

function decode(env: readonly EnvironmentVariable[]): { name: string; bytes: Uint8Array }[] {
  return env.flatMap(({ name, value }) => {
    const bytes = decodeBase64(value);
    return bytes ? [{ name, bytes }] : [];
  });
}

function decodeFiles(files: readonly JobFile[]): Uint8Array[] {
  return files.flatMap(({ content }) => decodeBase64(content) ?? []);
}
