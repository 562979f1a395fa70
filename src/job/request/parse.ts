import * as v from "valibot";
import { AgentError } from "../../core/errors.ts";
import { encodeBase64 } from "../../core/text/base64.ts";
import { toLine } from "../../core/text/printable.ts";
import type {
  EnvironmentVariable,
  JobCommand,
  JobFile,
  JobRequest,
} from "../../core/contracts/job-request.ts";
import {
  describeKind,
  isMapping,
  jobRequestSchema,
  Literal,
  unknownKey,
  type Textual,
  type WrittenCommand,
  type WrittenEnvironment,
  type WrittenFile,
  type WrittenJob,
} from "./schema.ts";
import { parseText } from "./text.ts";

/** A job request, read from a document. */
export interface ParsedJob {
  readonly request: JobRequest;
  /** Paths of the keys that are not part of a job request; they are ignored. */
  readonly ignored: readonly string[];
}

/**
 * Parses a job request from YAML or JSON, as it is sent or as a person writes it (protocol sections 3 and 14,
 * `docs/job-files.md`). Throws one `JOB_INVALID` with all faults, each with its position; values are never
 * quoted.
 */
export async function parseJobRequest(text: string, options: { readonly name: string }): Promise<ParsedJob> {
  const { name } = options;
  const { value, locate } = await parseText(text, name);
  const checked = checkRequest(value, name);
  if ("request" in checked) return checked;
  const placed = await Promise.all(
    checked.faults.map(async (fault) => ({ fault, place: await locate(fault.path) })),
  );
  placed.sort(
    (a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0),
  );
  const lines = placed.map(({ fault, place }) =>
    place === undefined ? describe(fault) : `${name}:${place.line}:${place.column}: ${describe(fault)}`,
  );
  throw invalid(name, lines);
}

/** Converts a request that is parsed already, as the control plane sends it. `name` is used in messages. */
export function toJobRequest(value: unknown, options: { readonly name?: string } = {}): ParsedJob {
  const { name = "job request" } = options;
  const checked = checkRequest(value, name);
  if ("request" in checked) return checked;
  throw invalid(name, checked.faults.map(describe));
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function checkRequest(value: unknown, name: string): ParsedJob | { readonly faults: readonly Fault[] } {
  if (!isMapping(value)) {
    throw new AgentError(
      "JOB_INVALID",
      `"${name}" is not a job request: expected a mapping with "commands", got ${describeKind(value)}`,
    );
  }
  if (!("commands" in value) && "blocks" in value) {
    throw new AgentError(
      "JOB_INVALID",
      `"${name}" is a Semaphore pipeline, not a job: expected "commands" (a job is what the control plane makes of one entry of "blocks[].task.jobs")`,
    );
  }
  const result = v.safeParse(jobRequestSchema(), value);
  if (result.success) return { request: normalise(result.output), ignored: unknownKeys(result.output) };
  const faults = result.issues.map(({ path = [], message }) => ({
    path: path.map(({ key }) => (typeof key === "number" ? key : String(key))),
    message,
  }));
  return {
    faults: "commands" in value ? faults : faults.map((fault) => withKeys(fault, unknownKeys(result.output))),
  };
}

/** Names the unknown keys: a request without `commands` often has `command`. */
function withKeys(fault: Fault, unknown: readonly string[]): Fault {
  if (fault.path[0] !== "commands" || unknown.length === 0) return fault;
  return { ...fault, message: `${fault.message} (not known here: ${toLine(unknown.join(", "), 60)})` };
}

function normalise(job: WrittenJob): JobRequest {
  return {
    id: toText(job.job_id) || toText(job.id) || crypto.randomUUID(),
    name: toText(job.job_name) || toText(job.name),
    executor: job.executor || "shell",
    env: toVariables(job),
    files: [...toFiles(job.files), ...toFiles(job.file)],
    commands: toCommands(job.commands),
    epilogueAlways: toCommands(job.epilogue_always_commands),
    epilogueOnPass: toCommands(job.epilogue_on_pass_commands),
    epilogueOnFail: toCommands(job.epilogue_on_fail_commands),
    containers: (job.compose?.containers ?? []).map((container) => ({
      name: container.name,
      image: container.image,
      command: container.command ?? "",
      entrypoint: container.entrypoint ?? "",
      user: toText(container.user),
      env: toVariables(container),
      files: toFiles(container.files),
    })),
    imagePullCredentials: (job.compose?.image_pull_credentials ?? []).map((credentials) => ({
      env: toVariables(credentials),
      files: toFiles(credentials.files),
    })),
    hostSetupCommands: toCommands(job.compose?.host_setup_commands),
    sshPublicKeys: job.ssh_public_keys ?? [],
    callbacks: {
      finished: job.callbacks?.finished ?? "",
      teardownFinished: job.callbacks?.teardown_finished ?? "",
      token: job.callbacks?.token ?? "",
    },
    logger: {
      method: job.logger?.method || "pull",
      url: job.logger?.url ?? "",
      token: job.logger?.token ?? "",
      maxSizeInBytes: Number(job.logger?.max_size_in_bytes ?? 0),
    },
  };
}

function toText(value: Textual | null | undefined): string {
  return String(value ?? "");
}

/** The last value of a name counts (protocol section 3.1), so what a person wrote comes last. */
function toVariables({ env_vars, env }: WrittenEnvironment): EnvironmentVariable[] {
  return [
    ...(env_vars ?? []).map(({ name, value }) => ({ name, value: value ?? "" })),
    ...(env ?? []).map(([name, text]) => ({ name, value: encodeBase64(text) })),
  ];
}

function toFiles(files: readonly WrittenFile[] | null | undefined): JobFile[] {
  return (files ?? []).map(({ path, content, text, mode }) => ({
    path,
    content: text == null ? (content ?? "") : encodeBase64(String(text)),
    mode: toMode(mode),
  }));
}

/**
 * `0600` and `0o600` are octal, whatever number the YAML parser makes of them. An empty mode stays empty,
 * because the executor refuses it.
 */
function toMode(mode: Textual | null | undefined): string {
  if (mode == null) return "0644";
  return typeof mode === "string" && !mode.startsWith("0o")
    ? mode
    : String(mode).replace("0o", "").padStart(4, "0");
}

function toCommands(commands: readonly WrittenCommand[] | null | undefined): JobCommand[] {
  return (commands ?? []).map((command) => {
    if (!isMapping(command)) return { directive: String(command), alias: "" };
    return { directive: command.directive, alias: command.alias ?? "" };
  });
}

function unknownKeys(value: unknown, path: readonly (string | number)[] = []): string[] {
  if (value === unknownKey) return [toPath(path)];
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownKeys(item, [...path, index]));
  if (typeof value !== "object" || value === null || value instanceof Literal) return [];
  return Object.entries(value).flatMap(([key, item]) => unknownKeys(item, [...path, key]));
}

function describe({ path, message }: Fault): string {
  return path.length === 0 ? message : `${toPath(path)}: ${message}`;
}

function toPath(path: readonly (string | number)[]): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join("");
}

function invalid(name: string, faults: readonly string[]): AgentError {
  const shown = faults.slice(0, 20).map((fault) => `  ${fault}`);
  if (faults.length > shown.length) shown.push(`  and ${faults.length - shown.length} more`);
  return new AgentError("JOB_INVALID", `"${name}" is not a job request:\n${shown.join("\n")}`);
}
