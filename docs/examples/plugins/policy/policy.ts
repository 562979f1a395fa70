import { decodeBase64, type JobRequest } from "signalman";
import type { PolicyConfig, Rule } from "./config.ts";
import { matches, toImageNames, toImagePattern, toRepositoryName } from "./names.ts";

/** Returns why the job is rejected, one sentence per violation; an empty list when it may run. */
export function findViolations(job: JobRequest, policy: PolicyConfig): string[] {
  const images = job.containers.map(({ image }) => image);
  const commands = [
    ...job.hostSetupCommands,
    ...job.commands,
    ...job.epilogueAlways,
    ...job.epilogueOnPass,
    ...job.epilogueOnFail,
  ].map(({ directive }) => directive);
  return [
    ...judge("image", images, policy.images, toImageNames, toImagePattern),
    ...judgeRepositories(job, policy.repositories),
    ...judge("command", commands, policy.commands),
  ];
}

function judgeRepositories(job: JobRequest, rule: Rule): string[] {
  if (rule.allow.length + rule.deny.length === 0) return [];
  // A pipeline's variables follow those of the control plane and override them in the job's shell, so every
  // value is checked.
  const urls = job.env
    .filter(({ name }) => name === "SEMAPHORE_GIT_URL")
    .map(({ value }) => decodeBase64(value))
    .map((bytes) => (bytes === undefined ? "?" : new TextDecoder().decode(bytes)));
  if (urls.length === 0 && rule.allow.length > 0) {
    return ["the job has no repository (SEMAPHORE_GIT_URL), but only some repositories are allowed"];
  }
  return judge("repository", urls, rule, (url) => [toRepositoryName(url)]);
}

function judge(
  what: string,
  values: readonly string[],
  { allow, deny }: Rule,
  toNames = (value: string) => [value],
  toPattern = (pattern: string) => pattern,
): string[] {
  return [...new Set(values)].flatMap((value) => {
    const names = toNames(value);
    const isMatch = (pattern: string) => names.some((name) => matches(toPattern(pattern), name));
    const denied = deny.find(isMatch);
    if (denied !== undefined) return [`the ${what} "${shorten(value)}" is denied by "${denied}"`];
    if (allow.length === 0 || allow.some(isMatch)) return [];
    return [`the ${what} "${shorten(value)}" is not allowed (allowed: ${allow.join(", ")})`];
  });
}

/** Shortens a text to one line of the log. */
function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
