import type { ContainerCreateOptions, HostConfig } from "dockerode";
import {
  AgentError,
  decodeBase64,
  type EnvironmentVariable,
  type JobContainer,
  type JobLimits,
  type ExecutorContext,
} from "signalman";
import { existsSync } from "node:fs";
import type { DockerConfig } from "../config.ts";
import { type JobNames, labels } from "./job-names.ts";
import { toFileVolumes } from "./put-files.ts";
import { toWords } from "./shell-words.ts";
import type { EngineEndpoint } from "../engine/endpoint.ts";

/** Settings that all containers of a job share. */
export interface ContainerSettings {
  readonly names: JobNames;
  readonly options: DockerConfig;
  readonly limits: JobLimits;
  /** Path of the cgroup around all containers of the job. */
  readonly cgroupParent?: string;
  /** The agent's environment, for its proxy variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of the operator's proxy and authorities. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A bind mount of the job's first container: a file or directory of this host, or the engine's socket. */
export interface HostMount {
  readonly source: string;
  readonly target: string;
  readonly isReadOnly?: boolean;
}

/**
 * Directory of the files that the executor writes for the job's shell: a tmpfs of the container. Only root
 * can list it, so that other users cannot open a file without its name.
 */
export const privateDirectory = "/.signalman";

/** Specifies the first container: its entrypoint runs `command`, which leads the session's terminal. */
export function toSessionSpec(
  container: JobContainer,
  settings: ContainerSettings,
  extra: {
    readonly command: readonly string[];
    readonly mounts: readonly HostMount[];
    /** Whether another process of the job may connect to the terminal when this one dies. */
    readonly isKept: boolean;
  },
): ContainerCreateOptions {
  const common = toSpec(container, "session", settings);
  return {
    ...common,
    Cmd: [...extra.command],
    Tty: true,
    OpenStdin: true,
    StdinOnce: !extra.isKept,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      ...common.HostConfig,
      // The output is already in the job's log.
      LogConfig: { Type: "none", Config: {} },
      Tmpfs: { ...common.HostConfig.Tmpfs, [privateDirectory]: "rw,noexec,nosuid,nodev,mode=0711" },
      Mounts: extra.mounts.map(({ source, target, isReadOnly = false }) => ({
        Type: "bind",
        Source: source,
        Target: target,
        ReadOnly: isReadOnly,
      })),
    },
  };
}

/** Specifies a service. */
export function toServiceSpec(container: JobContainer, settings: ContainerSettings): ContainerCreateOptions {
  const command = toWords(container.command);
  return { ...toSpec(container, "service", settings), ...(command.length > 0 && { Cmd: command }) };
}

/**
 * Lists the host files to mount into the first container: the option `files`, and the engine's socket
 * (protocol section 6.3).
 */
export function toMounts(
  options: DockerConfig,
  endpoint: EngineEndpoint,
  {
    logger,
    options: { user, provisions: { toolboxPath } = {} },
  }: Pick<ExecutorContext, "logger" | "options">,
): HostMount[] {
  const files = options.files.map((text) => {
    const [source = "", target = ""] = text.split(":");
    return { source, target };
  });
  // For an engine on another host, the paths are those of that host.
  const missing = endpoint.socketPath === undefined ? [] : files.filter(({ source }) => !existsSync(source));
  if (missing.length > 0 && options["fail-on-missing-files"]) {
    const paths = missing.map(({ source }) => `"${source}"`).join(", ");
    throw new AgentError("DOCKER_FAILED", `files of the option "files" not found on this host: ${paths}`);
  }
  for (const { source } of missing) logger.warn(`file "${source}" not found on this host: it is not mounted`);
  const socket = { source: endpoint.socketPath ?? socketInContainer, target: socketInContainer };
  // Access to the engine gives a job root's rights on this host, so that `user` would have no effect.
  const hasSocket = options["mount-socket"] ?? user === undefined;
  const toolbox =
    toolboxPath === undefined ? [] : [{ source: toolboxPath, target: toolboxPath, isReadOnly: true }];
  return [...(hasSocket ? [socket] : []), ...files.filter((file) => !missing.includes(file)), ...toolbox];
}

type Spec = ContainerCreateOptions & { readonly HostConfig: HostConfig };

function toSpec(container: JobContainer, purpose: string, settings: ContainerSettings): Spec {
  const { names, environment, options } = settings;
  const entrypoint = toWords(container.entrypoint);
  const proxies = options["proxy-variables"] ? toProxyVariables(environment) : [];
  const provided = Object.entries(settings.variables).map(([name, value]) => `${name}=${value}`);
  return {
    name: names.containerName(container.name),
    Image: container.image,
    Labels: { ...names.labels, [labels.purpose]: purpose, [labels.container]: container.name },
    Env: [...proxies, ...provided, ...toEnvironment(container)],
    ...(entrypoint.length > 0 && { Entrypoint: entrypoint }),
    ...(container.user !== "" && { User: container.user }),
    ...(options.platform !== undefined && { platform: options.platform }),
    ...(options["read-only"] && { Volumes: toFileVolumes(container) }),
    HostConfig: toHostConfig(settings),
    NetworkingConfig: { EndpointsConfig: { [names.networkName]: { Aliases: [container.name] } } },
  };
}

function toHostConfig({ names, options, limits, cgroupParent }: ContainerSettings): HostConfig {
  const { memoryBytes, cpus, pids } = limits;
  return {
    NetworkMode: names.networkName,
    ...(cgroupParent !== undefined && { CgroupParent: cgroupParent }),
    ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    ...(pids !== undefined && { PidsLimit: pids }),
    ...(options["shm-size"] !== undefined && { ShmSize: options["shm-size"] }),
    ...(options["expose-kvm"] && {
      Devices: [{ PathOnHost: "/dev/kvm", PathInContainer: "/dev/kvm", CgroupPermissions: "rwm" }],
    }),
    ...(options["read-only"] && { ReadonlyRootfs: true, Tmpfs: { "/tmp": "mode=1777" } }),
    Ulimits: options.ulimits.map(toUlimit),
    CapAdd: [...options["cap-add"]],
    CapDrop: [...options["cap-drop"]],
    SecurityOpt: [...options["security-options"]],
  };
}

/** Parses `name=soft:hard` or `name=both`. */
function toUlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const [, name = "", soft = "", hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}

/** Lists the variables without interpolation. The engine's API is JSON and therefore accepts only UTF-8. */
function toEnvironment({ name, env }: JobContainer): string[] {
  return env.map((variable) => {
    const bytes = decodeBase64(variable.value);
    if (bytes === undefined) throw fault(name, variable, "is not base64");
    if (bytes.includes(0)) throw fault(name, variable, "contains a NUL byte");
    const text = Buffer.from(bytes).toString();
    if (!Buffer.from(text).equals(bytes)) throw fault(name, variable, "is not UTF-8 text");
    return `${variable.name}=${text}`;
  });
}

function fault(container: string, variable: EnvironmentVariable, why: string): AgentError {
  const what = `variable "${variable.name}" of container "${container}"`;
  return new AgentError("JOB_INVALID", `the value of ${what} ${why}`);
}

function toProxyVariables(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment)
    .filter(([name]) => /^(https?|ftp|no|all)_proxy$/i.test(name))
    .map(([name, value]) => `${name}=${value}`);
}

const socketInContainer = "/var/run/docker.sock";
