import {
  type EnvironmentVariable,
  type JobCommand,
  type JobFile,
  type JobRequest,
  encodeBase64,
} from "signalman";
import { signLogToken } from "./token.ts";

/** A job as agents fetch it (protocol section 3.1). A raw submission may contain any JSON. */
export type WireJob = Readonly<Record<string, unknown>>;

export interface ToWireOptions {
  readonly id: string;
  readonly createdAt: number;
  /** The hub's URL, such as `http://127.0.0.1:4850`. */
  readonly origin: string;
  readonly secret: string;
  readonly tokenLifetimeMs: number;
}

/** Builds the document that the control plane sends; without a request only the keys that it adds to one. */
export function toWire(request: JobRequest | undefined, options: ToWireOptions): WireJob {
  const { id, createdAt, origin, secret, tokenLifetimeMs } = options;
  const token = signLogToken({
    secret,
    issuedAt: createdAt,
    lifetimeMs: tokenLifetimeMs,
    jobId: id,
    action: "PUSH",
  });
  const logger = { method: "push", url: toLogUrl(origin, id), token };
  if (request === undefined) return { logger };
  return {
    job_id: id,
    job_name: request.name,
    ssh_public_keys: request.sshPublicKeys,
    files: request.files.map(toFile),
    env_vars: toVariables(request, options),
    commands: request.commands.map(toCommand),
    epilogue_always_commands: request.epilogueAlways.map(toCommand),
    epilogue_on_pass_commands: request.epilogueOnPass.map(toCommand),
    epilogue_on_fail_commands: request.epilogueOnFail.map(toCommand),
    callbacks: {
      finished: `https://broker.invalid/finished/${id}`,
      teardown_finished: `https://broker.invalid/teardown_finished/${id}`,
      token: "",
    },
    ...toExecutor(request),
    logger,
  };
}

/** Replaces the hub's URL in a job, for an agent that calls the hub under another name. */
export function withOrigin(wire: WireJob, jobId: string, from: string, to: string): WireJob {
  const logger = wire["logger"] as { readonly url?: unknown } | null | undefined;
  if (from === to || logger?.url !== toLogUrl(from, jobId) || !Array.isArray(wire["env_vars"])) return wire;
  const variables = wire["env_vars"] as readonly EnvironmentVariable[];
  return {
    ...wire,
    logger: { ...logger, url: toLogUrl(to, jobId) },
    env_vars: variables.map((variable) =>
      variable.name === organizationUrl ? { ...variable, value: encodeBase64(to) } : variable,
    ),
  };
}

const organizationUrl = "SEMAPHORE_ORGANIZATION_URL";

function toLogUrl(origin: string, id: string): string {
  return `${origin}/api/v1/logs/${id}`;
}

/**
 * Lists the server's variables before the request's: the last of several variables with one name takes
 * effect.
 */
function toVariables(request: JobRequest, { id, createdAt, origin }: ToWireOptions): EnvironmentVariable[] {
  const own: Readonly<Record<string, string>> = {
    TERM: "xterm",
    CI: "true",
    SEMAPHORE: "true",
    SEMAPHORE_PROJECT_NAME: "hub",
    SEMAPHORE_PROJECT_ID: "00000000-0000-4000-8000-000000000002",
    SEMAPHORE_JOB_NAME: request.name,
    SEMAPHORE_JOB_CREATION_TIME: String(Math.floor(createdAt / 1000)),
    SEMAPHORE_JOB_TYPE: "pipeline_job",
    SEMAPHORE_AGENT_MACHINE_TYPE: "s1-hub",
    SEMAPHORE_AGENT_MACHINE_OS_IMAGE: "",
    SEMAPHORE_AGENT_MACHINE_ENVIRONMENT_TYPE: request.containers.length > 0 ? "container" : "VM",
    [organizationUrl]: origin,
    SEMAPHORE_ARTIFACT_TOKEN: `artifacts-of-${id}`,
    SEMAPHORE_TOOLBOX_METRICS_ENABLED: "false",
    SEMAPHORE_ORGANIZATION_ID: "00000000-0000-4000-8000-000000000003",
  };
  return [
    ...Object.entries(own).map(([name, text]) => ({ name, value: encodeBase64(text) })),
    ...request.env,
    { name: "SEMAPHORE_JOB_ID", value: encodeBase64(id) },
  ];
}

/** Returns the keys of the executor, which the server sends only with containers or for a named executor. */
function toExecutor(request: JobRequest): WireJob {
  const { containers, executor, imagePullCredentials, hostSetupCommands } = request;
  if (containers.length === 0) return executor === "shell" ? {} : { executor };
  return {
    executor: executor === "shell" ? "dockercompose" : executor,
    compose: {
      containers: containers.map(({ name, image, command, entrypoint, user, env, files }) => ({
        name,
        image,
        command,
        ...(entrypoint !== "" && { entrypoint }),
        ...(user !== "" && { user }),
        env_vars: env,
        files: files.map(toFile),
      })),
      image_pull_credentials: imagePullCredentials.map(({ env, files }) => ({
        env_vars: env,
        files: files.map(toFile),
      })),
      host_setup_commands: hostSetupCommands.map(toCommand),
    },
  };
}

function toFile({ path, content, mode }: JobFile): WireJob {
  return { path, content, mode };
}

function toCommand({ directive, alias }: JobCommand): WireJob {
  return alias === "" ? { directive } : { directive, alias };
}
