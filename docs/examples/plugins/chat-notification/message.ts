import { type HookEvents, readVariable } from "signalman";
import type { ChatConfig } from "./config.ts";

type Ended = HookEvents["agent:job-ended"];

export function isWanted(
  { result, job }: Ended,
  { results, projects, branches }: Pick<ChatConfig, "results" | "projects" | "branches">,
): boolean {
  return (
    results.includes(result) &&
    isAmong(projects, readVariable(job.env, "SEMAPHORE_PROJECT_NAME")) &&
    isAmong(branches, readVariable(job.env, "SEMAPHORE_GIT_BRANCH"))
  );
}

/**
 * Formats one line with the job, its project, its result and links. It contains a few variables without
 * secrets, and nothing of the job's log or commands.
 */
export function toText({ job, result, durationMs }: Ended): string {
  const read = (name: string) => readVariable(job.env, name) || undefined;
  const project = read("SEMAPHORE_PROJECT_NAME");
  const branch = read("SEMAPHORE_GIT_BRANCH");
  const where = project ? ` of ${code(project)}${branch ? ` (${code(branch)})` : ""}` : "";
  const links = toLinks(job.id, read("SEMAPHORE_WORKFLOW_ID"), read("SEMAPHORE_ORGANIZATION_URL"));
  return `Job ${code(job.name || job.id)}${where} ${result} after ${toDuration(durationMs)}${links}`;
}

function isAmong(globs: readonly string[], text = ""): boolean {
  return globs.length === 0 || globs.some((glob) => new Bun.Glob(glob).match(text));
}

/**
 * Formats a name as code. Anyone who can push a branch chooses its name, which must not notify a channel or
 * break the message.
 */
function code(name: string): string {
  const line = name.replaceAll(/[`\s]+/g, " ").trim();
  const short = line.length > 100 ? `${line.slice(0, 99)}…` : line;
  return `\`${escape(short)}\``;
}

function toLinks(jobId: string, workflowId: string | undefined, organization = ""): string {
  if (!/^https?:\/\/[^\s<>|]+$/.test(organization)) return "";
  const link = (path: string, text: string) => `<${escape(new URL(path, organization).href)}|${text}>`;
  const links = [link(`/jobs/${encodeURIComponent(jobId)}`, "job")];
  if (workflowId) links.push(link(`/workflows/${encodeURIComponent(workflowId)}`, "workflow"));
  return `: ${links.join(", ")}`;
}

/** Escapes the control characters of Slack, which Mattermost supports too. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function toDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
