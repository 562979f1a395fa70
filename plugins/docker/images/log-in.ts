import {
  AgentError,
  decodePullCredentials,
  type ExecutorContext,
  getEcrLogin,
  type ImagePullCredentials,
  type Output,
  type PullCredentials,
  readPullCredentialKind,
  type RegistryLogin,
  toMessage,
} from "signalman";
import type { Engine } from "../engine/engine.ts";
import { toLoginFailure } from "./failure.ts";
import { toRegistry } from "./reference.ts";

/**
 * Decodes the job's registry credentials and checks each of them through the engine. The command lines of the
 * protocol (section 7) are only printed, so that no docker configuration changes. Resolves to `undefined`
 * when a login has failed and the output shows why.
 */
export async function logIn(
  { job, environment }: Pick<ExecutorContext, "job" | "environment">,
  { engine, output, signal }: { engine: Engine; output: Output; signal: AbortSignal },
): Promise<RegistryLogin[] | undefined> {
  const logins: RegistryLogin[] = [];
  for (const entry of job.imagePullCredentials) {
    signal.throwIfAborted();
    try {
      const { login, commandLine } = await prepare(entry, { environment, output, signal });
      output(`${commandLine}\n`);
      await check(engine, login);
      output("Login Succeeded\n");
      logins.push(login);
    } catch (error) {
      signal.throwIfAborted();
      output(`${toMessage(error)}\n`);
      return undefined;
    }
  }
  return logins;
}

async function prepare(
  entry: ImagePullCredentials,
  options: { environment: Readonly<Record<string, string>>; output: Output; signal: AbortSignal },
): Promise<{ login: RegistryLogin; commandLine: string }> {
  options.output(`Setting up credentials for ${titles[readPullCredentialKind(entry)]}\n`);
  const credentials = decodePullCredentials(entry);
  if (credentials.kind === "AWS_ECR") {
    return getEcrLogin(credentials, options).catch((error: unknown) => {
      throw new AgentError("DOCKER_FAILED", `Failed to determine docker login command: ${toMessage(error)}`, {
        cause: error,
      });
    });
  }
  return { login: credentials, commandLine: commandLines[credentials.kind] };
}

/** Names of the credential types in the job's log (protocol section 7). */
const titles: Readonly<Record<PullCredentials["kind"], string>> = {
  DockerHub: "DockerHub",
  GenericDocker: "Docker",
  AWS_ECR: "ECR",
  GCR: "GCR",
};

const commandLines: Readonly<Record<Exclude<PullCredentials["kind"], "AWS_ECR">, string>> = {
  DockerHub: "echo $DOCKERHUB_PASSWORD | docker login --username $DOCKERHUB_USERNAME --password-stdin",
  GenericDocker: 'docker login -u "$DOCKER_USERNAME" -p "$DOCKER_PASSWORD" $DOCKER_URL',
  GCR: "cat /tmp/gcr/keyfile.json | docker login -u _json_key --password-stdin https://$GCR_HOSTNAME",
};

/** Lets the engine check the credentials, since it is the engine that pulls. */
async function check({ docker, call }: Engine, { server, username, password }: RegistryLogin): Promise<void> {
  const registry = toRegistry(server);
  try {
    await call(
      `check the credentials for "${registry}"`,
      docker.checkAuth({ username, password, serveraddress: server }),
    );
  } catch (error) {
    throw new AgentError("DOCKER_FAILED", toLoginFailure(toCause(error), registry).line, {
      cause: error,
    });
  }
}

/** Returns the engine's error without the prefix of `call`. */
function toCause(error: unknown): unknown {
  return (error as { cause?: unknown }).cause ?? error;
}
